"""Text that a base wrote, kept by the hash of all that it depends on: it is written once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from keeptune.records import from_plain, to_plain
from keeptune.store.atomic import read_jsonl, write_jsonl
from keeptune.store.hashing import hash_value
from keeptune.store.places import cache_folder

TEXT_VERSION = 1
"""Part of every key; raised when models write in another way than before."""

T = TypeVar("T")


def cached_text(parts: Sequence[Any], kind: type[T], write: Callable[[], list[T]]) -> list[T]:
    """The records kept for `parts` (plain values or records); where there are none, what `write` gives is kept."""
    file = cache_folder() / "text" / f"v{TEXT_VERSION}" / f"{hash_value(parts)}.jsonl"
    try:
        return [from_plain(kind, value) for value in read_jsonl(file)]
    except (OSError, ValueError):
        # A cache may always be made again.
        written = write()
    write_jsonl(file, map(to_plain, written))
    return written
