"""Examples before an item: as many as are said, whole."""

from __future__ import annotations

import pytest

from keeptune.data.encode import Encoder
from keeptune.data.few_shot import fewer_shown, with_shots
from keeptune.records import Example, Message
from tests.tiny import byte_tokenizer


def row(number: int, words: int = 3) -> Example:
    return Example(f"r{number}", (Message("user", f"question {number} " * words),), f"answer {number}", ("a",))


ITEMS = [row(100), row(101, 5)]


def encoder(limit: int) -> Encoder:
    return Encoder(byte_tokenizer(), "causal", limit, "cut", "last")


def test_all_that_were_asked_for() -> None:
    found = with_shots(ITEMS, [row(n) for n in range(40)], 4, 0, encoder(10_000), 10)
    assert found.shots == 4
    assert [len(example.prompt) for example in found.examples] == [9, 9]
    assert found.examples[0].prompt[-1] == ITEMS[0].prompt[-1]


def test_six_rows_are_six_examples() -> None:
    found = with_shots(ITEMS, [row(n) for n in range(6)], 20, 0, encoder(10_000), 10)
    assert found.shots == 6
    assert "6 of 20" in fewer_shown(found.shots, 20, 6)
    assert "only 6 train rows" in fewer_shown(found.shots, 20, 6)


def test_what_would_be_cut_is_not_shown() -> None:
    small = encoder(400)
    found = with_shots(ITEMS, [row(n) for n in range(40)], 20, 0, small, 10)
    assert 0 < found.shots < 20
    assert all(small.prompt(example, 390)[1] == 0 for example in found.examples)
    assert "fit in full" in fewer_shown(found.shots, 20, 40)


@pytest.mark.parametrize("shots", [1, 5])
def test_where_none_fits_none_is_shown(shots: int) -> None:
    found = with_shots(ITEMS, [row(n) for n in range(9)], shots, 0, encoder(110), 1)
    assert (found.shots, found.examples) == (0, ITEMS)
