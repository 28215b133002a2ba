"""Cache of a base model's answers by the hash of everything they depend on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from keeptune.errors import StoreError
from keeptune.events import Observer
from keeptune.records import Answer
from keeptune.workspace.cache_entry import entry_file, keep_entry, read_entry
from keeptune.workspace.growing_file import GrowingFile, locked_file

ANSWERS_VERSION = 3
"""Part of every key; raised when models are evaluated in another way."""


def _file(key: str) -> Path:
    return entry_file("scores", ANSWERS_VERSION, key)


def read_answers(key: str, item_ids: Sequence[str], observer: Observer) -> list[Answer] | None:
    """The cached answers of `key`, or None if there are none for exactly these items."""
    answers = read_entry(_file(key), Answer, observer)
    return answers if answers and [answer.item_id for answer in answers] == list(item_ids) else None


@contextmanager
def unfinished_answers(key: str) -> Iterator[GrowingFile | None]:
    """What a model writes under `key`, kept as it comes and deleted once the block ends well; None where it cannot be
    kept, or another process writes the same."""
    path = _file(key).with_suffix(".part")
    with ExitStack() as held:
        kept = None
        try:
            held.enter_context(locked_file(path))
            kept = held.enter_context(GrowingFile(path, key, needed=False))
        except StoreError:
            # The cache is optional.
            pass
        yield kept
        if kept is not None:
            path.unlink(missing_ok=True)


def keep_answers(key: str, answers: Sequence[Answer], observer: Observer) -> None:
    """Store `answers` under `key`."""
    keep_entry(_file(key), answers, observer)
