"""What a training finds out before its first step, kept: the next of its kind on this machine begins at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from keeptune.records import from_plain, to_plain
from keeptune.store.atomic import write_json
from keeptune.store.places import cache_folder

VERSION = 1
"""Part of every key; raised when something else is found out, or in another way."""


@dataclass(frozen=True, slots=True)
class KnownStart:
    """What holds for any training of the same model and method on the same rows, by the same programs."""

    compiled: bool
    """Compiled blocks passed their trial."""
    peak_bytes: int
    """What the training holds at most, with its whole token budget."""
    validation: Mapping[str, float]
    """Loss and metrics of the untrained model; empty where nothing is validated."""
    validation_seconds: float


def read_start(key: str) -> KnownStart | None:
    """What was kept under `key`, or None."""
    try:
        return from_plain(KnownStart, json.loads(_file(key).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        # A cache may always be made again.
        return None


def keep_start(key: str, start: KnownStart) -> None:
    """Keep it under `key`."""
    write_json(_file(key), to_plain(start))


def _file(key: str) -> Path:
    return cache_folder() / "starts" / f"v{VERSION}" / f"{key}.json"
