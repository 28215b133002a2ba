"""One entry of a cache: records under a key, with the hash of their bytes. A failing cache is skipped with a notice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from keeptune.errors import StoreError
from keeptune.events import Notice, Observer
from keeptune.records import from_plain, to_plain
from keeptune.workspace.atomic import write_text
from keeptune.workspace.json_file import MOST_BYTES_OF_LINES, parse_json, read_regular
from keeptune.workspace.places import cache_folder

T = TypeVar("T")
_apart: list[Path] = []


@contextmanager
def entries_apart(folder: Path) -> Iterator[None]:
    """Entries are read from `folder`, and kept there, while the block runs: nothing comes from an earlier run."""
    _apart.append(folder)
    try:
        yield
    finally:
        _apart.pop()


def _home() -> Path:
    return _apart[-1] if _apart else cache_folder()


def entry_file(folder: str, version: int, key: str) -> Path:
    """Path of the entry of `key`."""
    return _home() / folder / f"v{version}" / f"{key}.jsonl"


def read_entry(file: Path, kind: type[T], observer: Observer) -> list[T] | None:
    """The records that `keep_entry` wrote; None if there are none, or, with a notice, if they are damaged."""
    try:
        digest, _, lines = read_regular(file, MOST_BYTES_OF_LINES).partition(b"\n")
        if digest != _digest(lines):
            raise ValueError("it does not match its own hash")
        return [from_plain(kind, parse_json(line)) for line in lines.splitlines()]
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        observer(Notice("cache", f"{file} of the cache is damaged and left out: {error}"))
        return None


def keep_entry(file: Path, values: Sequence[T] | Iterable[T], observer: Observer) -> None:
    """Write `values` to `file`. A failure gives a notice and has no other effect."""
    # ASCII, so that a line ends where its record does: texts hold line separators of many kinds.
    lines = "".join(json.dumps(to_plain(value), allow_nan=False) + "\n" for value in values)
    try:
        write_text(file, _digest(lines.encode()).decode() + "\n" + lines)
    except (OSError, StoreError) as error:
        told = f"the cache {_home()} cannot be written, so nothing is kept there: {error}"
        observer(Notice("cache", told.splitlines()[0]))


def _digest(lines: bytes) -> bytes:
    return hashlib.sha256(lines).hexdigest().encode()
