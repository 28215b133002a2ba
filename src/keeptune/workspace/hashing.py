"""Hashes that name models, data and settings in caches and manifests. SHA-256, hexadecimal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
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
    return hash_of_hashes({path.name: hash_file(path) for path in paths})


def hash_of_hashes(hashes: Mapping[str, str]) -> str:
    """One hash over names and hashes of files."""
    digest = hashlib.sha256()
    for name, of_file in sorted(hashes.items()):
        digest.update(f"{name}\0{of_file}\n".encode())
    return digest.hexdigest()


def hash_value(value: Any) -> str:
    """The hash of a record or any JSON value."""
    return hashlib.sha256(json.dumps(to_plain(value), sort_keys=True, ensure_ascii=False).encode()).hexdigest()
