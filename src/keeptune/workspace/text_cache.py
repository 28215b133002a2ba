"""Cache of text that a base wrote, by the hash of everything it depends on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from keeptune.events import Observer
from keeptune.workspace.cache_entry import entry_file, keep_entry, read_entry
from keeptune.workspace.hashing import hash_value

TEXT_VERSION = 2
"""Part of every key; raised when models generate in another way."""

T = TypeVar("T")


def cached_text(parts: Sequence[Any], kind: type[T], write: Callable[[], list[T]], observer: Observer) -> list[T]:
    """The cached records of `parts` (plain values or records); otherwise the result of `write`, which is then
    cached."""
    file = entry_file("text", TEXT_VERSION, hash_value(parts))
    kept = read_entry(file, kind, observer)
    if kept is not None:
        return kept
    written = write()
    keep_entry(file, written, observer)
    return written
