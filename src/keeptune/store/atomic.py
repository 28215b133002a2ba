"""Atomic writes: a reader sees the old file or the new one, never half of one, whenever the writer is killed."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def write_text(path: Path, text: str, *, private: bool = False) -> None:
    """Write `text` to `path` (UTF-8), whole or not at all; `private`: for this user alone to read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        opener = (lambda name, flags: os.open(name, flags, 0o600)) if private else None
        with open(partial, "w", encoding="utf-8", opener=opener) as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, value: Any, *, private: bool = False) -> None:
    """Write `value` as indented JSON. NaN and infinities are refused: unknown is a typed reason, not a NaN."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", private=private)


def write_jsonl(path: Path, values: Iterable[Any]) -> None:
    """Write one JSON value a line."""
    lines = [json.dumps(value, ensure_ascii=False, allow_nan=False) for value in values]
    write_text(path, "".join(line + "\n" for line in lines))


def read_jsonl(path: Path) -> list[Any]:
    """What `write_jsonl` wrote. Lines end at ``\\n`` only: a JSON text may hold U+2028, at which `str.splitlines` cuts.

    Raises:
        OSError: it cannot be read.
        ValueError: a line is no JSON, or no UTF-8.
    """
    with path.open(encoding="utf-8", newline="\n") as handle:
        return [json.loads(line) for line in handle]


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A scratch folder that becomes `path` when the block ends well, and vanishes when it does not.

    A `path` that exists is replaced only after the new folder is whole.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")
    partial.mkdir()
    try:
        yield partial
        _sync_files(partial)
        if path.exists():
            old = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.old")
            os.replace(path, old)
            try:
                os.replace(partial, path)
            except BaseException:
                os.replace(old, path)
                raise
            shutil.rmtree(old)
        else:
            os.replace(partial, path)
        _sync_folder(path.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def remove_partials(folder: Path) -> None:
    """Delete what writers that were killed left behind in `folder`; what one had only put aside comes back."""
    for entry in folder.glob(".*.old"):
        path = folder / entry.name.removeprefix(".").removesuffix(".old").rpartition(".")[0]
        if not path.exists():
            os.replace(entry, path)
    for entry in folder.glob(".*"):
        if entry.name.endswith((".partial", ".old")):
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)


def _sync_files(folder: Path) -> None:
    if os.name == "nt":
        # Windows syncs no file that is open for reading alone.
        return
    for entry in folder.rglob("*"):
        if entry.is_file():
            with entry.open("rb") as handle:
                os.fsync(handle.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        # Windows opens no folders, and needs no sync of them.
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
