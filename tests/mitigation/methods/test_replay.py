"""Replayed rows: their share of the mix, drawn evenly, and never one that is asked afterwards."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keeptune.errors import ConfigError, DataError
from keeptune.events import Event, Notice
from keeptune.mitigation.methods.replay import replay_examples
from keeptune.mitigation.mix import rows_for_shares, without_repeats
from keeptune.records import Example
from tests.data.examples import example


def text(number: int) -> str:
    """Eight words that no other number has."""
    return " ".join(f"word{place}of{number}" for place in range(8))


def source(name: str, size: int, first: int = 0) -> list[Example]:
    return [example(f"{name}/{i}", text(first + i), f"answer {first + i}") for i in range(size)]


@given(st.integers(1, 5000), st.lists(st.floats(0, 0.45), min_size=1, max_size=2))
def test_each_share_is_met_within_one_row(task_rows: int, shares: list[float]) -> None:
    counts = rows_for_shares(task_rows, shares)
    mix = task_rows + sum(counts)
    for share, count in zip(shares, counts, strict=True):
        assert abs(count - share * mix) <= 1
        assert bool(count) == bool(share)


@pytest.mark.parametrize("shares", [[1.0], [0.5, 0.5], [0.7, 0.6]])
def test_shares_that_leave_no_task(shares: list[float]) -> None:
    with pytest.raises(ConfigError, match="leave none for the task"):
        rows_for_shares(10, shares)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 80), st.lists(st.integers(1, 30), min_size=1, max_size=4), st.integers(0, 3))
def test_drawn_evenly_and_never_twice(count: int, sizes: list[int], seed: int) -> None:
    sources = [source("rows", size, 100 * at) for at, size in enumerate(sizes)]
    found = replay_examples(count, sources, [], seed)
    assert len(found) == min(count, sum(sizes))
    assert len({row.id for row in found}) == len({row.prompt for row in found}) == len(found)
    assert {row.prompt for row in found} <= {row.prompt for rows in sources for row in rows}
    taken = Counter(row.id.split("/")[0] for row in found)
    shares = [taken[f"replay-{number}"] for number in range(1, len(sizes) + 1)]
    # A source gives less than another by more than one only where it has no more.
    for share, size in zip(shares, sizes, strict=True):
        assert share == size or share >= max(shares) - 1
    assert replay_examples(count, sources, [], seed) == found


def test_the_seed_chooses_and_more_rows_keep_the_first() -> None:
    rows = [source("rows", 50)]
    few, many = (replay_examples(count, rows, [], seed=1) for count in (10, 30))
    assert set(few) < set(many)
    assert replay_examples(10, rows, [], seed=2) != few


def test_nothing_that_is_forbidden_is_replayed() -> None:
    old = source("old", 40)
    train = [example("t", text(3).upper(), "answer 3")]
    test = [example("t", text(7), "another answer")]
    # Worded in another way than the others of its set, and nearly the same text.
    ability = [example("a", f"{text(11)} then", "answer 11"), *source("a", 6, 500)]
    found = replay_examples(40, [old], [train, test, ability], seed=0)
    assert {row.prompt_text for row in found} == {text(i) for i in range(40) if i not in (3, 7, 11)}


def test_a_forbidden_prompt_is_known_under_an_instruction_that_only_one_side_shares() -> None:
    ask = "Tell me in one word what the following sentence is about and say nothing else at all:"
    old = [example(f"o{i}", f"{ask} {text(i)}") for i in range(20)]
    one = [example("item", f"{ask} {text(4)}")]
    same = [example(f"i{i}", f"{ask} {text(i)}") for i in (5, 60, 61, 62, 63, 64)]
    mixed = [example("item", f"{ask} {text(6)}"), *source("others", 8, 100)]
    kept = {row.id for row in without_repeats(old, [one, same, mixed])}
    assert kept == {f"o{i}" for i in range(20) if i not in (4, 5, 6)}


def test_a_source_does_not_repeat_another() -> None:
    found = replay_examples(30, [source("a", 10), source("b", 20)], [], seed=0)
    assert len(found) == 20
    assert Counter(row.id[:8] for row in found) == {"replay-1": 10, "replay-2": 10}


def test_too_few_is_told_and_none_is_an_error() -> None:
    told: list[Event] = []
    replay_examples(12, [source("a", 10)], [source("t", 2)], seed=0, observer=told.append)
    messages = [event.message for event in told if isinstance(event, Notice) and event.kind == "replay"]
    assert [message[:5] for message in messages] == ["2 row", "12 ro"]
    assert "8 are available" in messages[1]
    with pytest.raises(DataError, match="no rows of old tasks are left") as caught:
        replay_examples(12, [source("a", 10)], [source("t", 10)], seed=0)
    assert "--replay" in caught.value.fix
