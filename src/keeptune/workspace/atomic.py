"""Atomic writes: a reader sees the old file or the new one, never half of one, whenever the writer is killed."""

from __future__ import annotations

import errno
import json
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from keeptune.errors import RunExists, StoreError, first_line

_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EFBIG)


def write_text(path: Path, text: str, *, private: bool = False) -> None:
    """Write `text` to `path` (UTF-8) atomically; `private`: readable only by this user."""
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        opener = (lambda name, flags: os.open(name, flags, 0o600)) if private else None
        with open(partial, "w", encoding="utf-8", opener=opener) as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(partial, path)
    except OSError as error:
        raise not_written(path, error) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def write_new_text(path: Path, text: str) -> None:
    """Write `text` to `path` (UTF-8), where nothing may be yet.

    Raises:
        RunExists: something is there. StoreError: the disk refuses.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as handle:
            handle.write(text)
    except FileExistsError as error:
        raise RunExists(f"{path} is there already", "name another --output, or delete it") from error
    except OSError as error:
        raise not_written(path, error) from error


def not_written(path: Path, error: Exception) -> StoreError:
    """The error for a full or read-only disk at `path`."""
    return StoreError(
        f"{path} cannot be written: {first_line(error)}",
        "free space on that disk, or choose another folder; finished work is saved, and --resume continues",
    )


def is_of_the_disk(error: Exception) -> bool:
    """Whether the disk failed, rather than the writer. safetensors has its own error for that."""
    if isinstance(error, OSError):
        return error.errno in _OF_THE_DISK or "No space left" in str(error)
    return isinstance(error, SafetensorError) and "I/O error" in str(error)


def write_json(path: Path, value: Any, *, private: bool = False) -> None:
    """Write `value` as indented JSON. NaN and infinities are refused: unknown is a typed reason, not a NaN."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", private=private)


def write_jsonl(path: Path, values: Iterable[Any]) -> None:
    """Write one JSON value per line."""
    lines = [json.dumps(value, ensure_ascii=False, allow_nan=False) for value in values]
    write_text(path, "".join(line + "\n" for line in lines))


@contextmanager
def atomic_folder(path: Path, *, fresh: bool = False) -> Iterator[Path]:
    """A temporary folder that becomes `path` if the block succeeds, and is deleted otherwise.

    A `path` that exists is replaced only after the new folder is whole.

    Args:
        fresh: nothing is replaced but an empty folder, whatever has come there since the block began.

    Raises:
        RunExists: something is there, and `fresh`. StoreError: the disk refuses.
    """
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.mkdir()
        yield partial
        _sync_files(partial)
        if fresh:
            _move_to_new(partial, path)
        elif path.exists():
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
    except Exception as error:
        if is_of_the_disk(error):
            raise not_written(path, error) from error
        raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _move_to_new(folder: Path, path: Path) -> None:
    with suppress(OSError):
        # Windows replaces no folder, not even an empty one.
        path.rmdir()
    try:
        os.rename(folder, path)
    except OSError as error:
        if path.exists():
            raise RunExists(f"{path} was made meanwhile, and stays as it is", "name another --output") from error
        raise


def remove_partials(folder: Path) -> None:
    """Delete temporary files of killed writers in `folder`, and restore what they had moved aside."""
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
        # Windows cannot sync a file that is open only for reading.
        return
    for entry in folder.rglob("*"):
        if entry.is_file():
            with entry.open("rb") as handle:
                os.fsync(handle.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        # Windows cannot open folders and need not sync them.
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
