"""Checksum files next to weights, in the format of ``sha256sum``, which detect changed bytes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from keeptune.workspace.atomic import write_text
from keeptune.workspace.hashing import hash_file

SUMS = "SHA256SUMS"


def write_sums(folder: Path, pattern: str = "*.safetensors") -> None:
    """Keep the hashes of the files of `folder` that match; `sha256sum -c SHA256SUMS` looks at them, too."""
    files = sorted(path for path in folder.glob(pattern) if path.is_file() and path.name != SUMS)
    write_text(folder / SUMS, "".join(f"{hash_file(path)}  {path.name}\n" for path in files))


def damaged_files(folder: Path) -> list[str]:
    """Files that the sums in `folder` name and that are gone or changed; none where there are no sums."""
    if not (folder / SUMS).is_file():
        return []
    text = (folder / SUMS).read_text(encoding="utf-8", errors="replace")
    found = [re.fullmatch("([0-9a-f]{64})  (.+)", line) for line in text.splitlines()]
    if not all(found):
        return [SUMS]
    lines = [line.groups() for line in found if line]
    return [name for digest, name in lines if not (folder / name).is_file() or hash_file(folder / name) != digest]


def unlike_sums(folder: Path, hashes: Mapping[str, str]) -> list[str]:
    """Which of these files, name → hash, are others than the sums in `folder` say; none where there are no sums.

    Raises:
        OSError, UnicodeDecodeError: the sums cannot be read.
    """
    if not (folder / SUMS).is_file():
        return []
    lines = (line.partition("  ") for line in (folder / SUMS).read_text(encoding="utf-8").splitlines())
    kept = {name: digest for digest, _, name in lines}
    return [name for name, digest in hashes.items() if kept.get(name, digest) != digest]
