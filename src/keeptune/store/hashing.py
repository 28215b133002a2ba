"""Hashes that name models, data and settings in caches and manifests. SHA-256, hexadecimal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from keeptune.records import to_plain

CHUNK_BYTES = 1 << 22


def hash_file(path: Path) -> str:
    """The hash of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def hash_files(paths: Iterable[Path]) -> str:
    """One hash over names and contents of several files, in the order of their names."""
    digest = hashlib.sha256()
    for path in sorted(paths, key=lambda path: path.name):
        digest.update(f"{path.name}\0{hash_file(path)}\n".encode())
    return digest.hexdigest()


def hash_value(value: Any) -> str:
    """The hash of a record, or of anything that JSON can hold."""
    return hashlib.sha256(json.dumps(to_plain(value), sort_keys=True, ensure_ascii=False).encode()).hexdigest()
