"""Answers of a base model, kept by the hash of all that they depend on: it is asked once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from keeptune.errors import StoreError
from keeptune.records import Answer, from_plain, to_plain
from keeptune.store.atomic import read_jsonl, write_jsonl
from keeptune.store.growing_file import GrowingFile, locked_file
from keeptune.store.places import cache_folder

ANSWERS_VERSION = 2
"""Part of every key; raised when models are asked in another way than before."""


def _file(key: str) -> Path:
    return cache_folder() / "scores" / f"v{ANSWERS_VERSION}" / f"{key}.jsonl"


def read_answers(key: str, item_ids: Sequence[str]) -> list[Answer] | None:
    """The answers kept under `key`, or None where there are none, or not for exactly these items."""
    file = _file(key)
    if not file.exists():
        return None
    try:
        answers = [from_plain(Answer, value) for value in read_jsonl(file)]
    except ValueError:
        # A cache may always be made again.
        return None
    return answers if [answer.item_id for answer in answers] == list(item_ids) else None


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
            # A cache is never needed.
            pass
        yield kept
        if kept is not None:
            path.unlink(missing_ok=True)


def keep_answers(key: str, answers: Sequence[Answer]) -> None:
    """Keep `answers` under `key`."""
    write_jsonl(_file(key), [to_plain(answer) for answer in answers])
