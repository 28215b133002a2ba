"""A file to which records are appended as they are made, so that they survive Ctrl-C or a crash."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from filelock import FileLock, Timeout

from keeptune.errors import RunLocked, StoreError

KEY, CHECK, ID, RECORD = "key", "check", "id", "record"


class GrowingFile:
    """Records by id, one per line, each written with a checksum when it is added. A `with` block closes the file."""

    def __init__(self, path: Path, key: str, *, needed: bool = True) -> None:
        """Open `path`, and read the records of an earlier start with the same key.

        Args:
            needed: a record that cannot be written is an error; else no more are kept from there on.

        Raises:
            StoreError: it holds records of another key, or cannot be written.
        """
        self.path, self._needed = path, needed
        self._records: dict[str, dict[str, Any]] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            whole = self._read(key) if path.is_file() and path.stat().st_size else 0
            self._handle: IO[bytes] = open(path, "ab", opener=opened_for_appending)  # noqa: SIM115 - closed by `__exit__`
            self._handle.truncate(whole)
            if not whole:
                self._write({KEY: key})
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror or error}", "name another place") from error

    def __enter__(self) -> GrowingFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._handle.close()

    @property
    def records(self) -> Mapping[str, dict[str, Any]]:
        """Id → record, including those of earlier starts."""
        return self._records

    def add(self, record_id: str, record: Mapping[str, Any]) -> None:
        """Append one record. After this returns, it survives the end of the process."""
        self._records[record_id] = dict(record)
        self._write({ID: record_id, RECORD: record, CHECK: _check(record_id, record)})

    def _write(self, line: Mapping[str, Any]) -> None:
        try:
            self._handle.write(json.dumps(line).encode() + b"\n")
            self._handle.flush()
        except OSError as error:
            if self._needed:
                fix = "free space, or name another --output; the same command continues"
                raise StoreError(f"{self.path} cannot be written: {error.strerror or error}", fix) from error

    def _read(self, key: str) -> int:
        """Read the complete lines and return their length in bytes. Everything after a broken line is ignored."""
        whole = 0
        with self.path.open("rb") as handle:
            for number, line in enumerate(handle):
                plain = _plain(line)
                if number == 0:
                    if plain is None or plain.get(KEY) != key:
                        raise StoreError(
                            f"{self.path} was started with another model, other rows or other settings",
                            f"use the same again, name another --output, or delete {self.path}",
                        )
                elif (
                    plain is None
                    or not {ID, RECORD} <= plain.keys()
                    or plain.get(CHECK) != _check(plain.get(ID), plain.get(RECORD))
                ):
                    break
                else:
                    self._records[plain[ID]] = plain[RECORD]
                whole += len(line)
        return whole


@contextmanager
def locked_file(path: Path) -> Iterator[None]:
    """Lock `path` against other processes in the block. The lock ends with its process, even if that is killed.

    Raises:
        RunLocked: another process does. StoreError: its folder cannot be written.
    """
    file = path.with_name(f".{path.name}.lock")
    lock = FileLock(file)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise RunLocked(f"another process is writing {path}", "wait for it, or name another --output") from error
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}", "name another --output") from error
    try:
        yield
    finally:
        if os.name != "nt":
            # While it is held: whoever opens the name from here on finds the finished file.
            file.unlink(missing_ok=True)
        lock.release()


def opened_for_appending(path: str, flags: int) -> int:
    """Through no link: whoever left one there would have another file written."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _check(record_id: Any, record: Any) -> str:
    return hashlib.sha256(json.dumps([record_id, record], sort_keys=True).encode()).hexdigest()[:16]


def _plain(line: bytes) -> dict[str, Any] | None:
    """The object on a complete line; None if it is truncated or damaged."""
    try:
        value = json.loads(line) if line.endswith(b"\n") else None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
