"""A program of another tool that writes files, in a process of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from keeptune.errors import ModelError
from keeptune.exports.last_words import last_words


def run_converter(tool: str, command: Sequence[str], source: Path, made: Path) -> None:
    """Run `command`, which makes `made` of the model `source`; it is offline if that is a folder.

    Raises:
        ModelError: it fails, or makes nothing.
    """
    offline = {"HF_HUB_OFFLINE": "1"} if source.is_dir() else {}
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, **offline},
        check=False,
    )
    if done.returncode or not made.exists():
        told = last_words(done.stderr, done.returncode)
        raise ModelError(f"{tool} cannot convert {source.name}: {told}", f"use safetensors, or a newer {tool}")
