"""Answers of a base model, kept by the hash of all that they depend on: it is asked once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from keeptune.records import Answer, from_plain, to_plain
from keeptune.store.atomic import read_jsonl, write_jsonl
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


def keep_answers(key: str, answers: Sequence[Answer]) -> None:
    """Keep `answers` under `key`."""
    write_jsonl(_file(key), [to_plain(answer) for answer in answers])
