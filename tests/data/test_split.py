"""Splits and limits: seeded, group-aware, blind to order and to other rows."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keeptune.data.split import limit_examples, split_examples
from keeptune.records import Example
from tests.data.examples import example

ROWS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 8)), min_size=1, max_size=40, unique_by=lambda row: row[0])
FRACTIONS = st.floats(0.01, 0.99)


def _examples(rows: list[tuple[int, int]]) -> list[Example]:
    """Rows as (id, group); group 0 means none."""
    return [example(f"r{row}", "p", group=f"g{group}" if group else "") for row, group in rows]


@given(ROWS, FRACTIONS, st.integers(0, 5))
def test_a_split_parts_clusters_and_loses_no_row(rows: list[tuple[int, int]], fraction: float, seed: int) -> None:
    examples = _examples(rows)
    kept, apart = split_examples(examples, fraction, seed)
    sides = ({row.cluster for row in kept}, {row.cluster for row in apart})
    assert sides[0].isdisjoint(sides[1])
    assert sorted([*kept, *apart], key=examples.index) == examples
    assert list(kept) == [row for row in examples if row in kept]
    if len({row.cluster for row in examples}) >= 2:
        assert kept
        assert apart
    else:
        assert not apart


@given(ROWS, FRACTIONS, st.integers(0, 5), st.randoms())
def test_the_order_of_rows_does_not_matter(
    rows: list[tuple[int, int]], fraction: float, seed: int, order: random.Random
) -> None:
    examples = _examples(rows)
    apart = {row.id for row in split_examples(examples, fraction, seed)[1]}
    limited = {row.id for row in limit_examples(examples, 10, seed)}
    order.shuffle(examples)
    assert {row.id for row in split_examples(examples, fraction, seed)[1]} == apart
    assert {row.id for row in limit_examples(examples, 10, seed)} == limited


def test_rows_that_are_added_move_no_other_row() -> None:
    examples = [example(f"r{row}", "p") for row in range(400)]
    before = split_examples(examples[:200], 0.2, 3)
    after = split_examples(examples, 0.2, 3)
    assert set(before[0]) <= set(after[0])
    assert set(before[1]) <= set(after[1])


def test_the_share_set_apart_is_about_the_fraction() -> None:
    examples = [example(f"r{row}", "p") for row in range(2000)]
    assert len(split_examples(examples, 0.2, 0)[1]) == pytest.approx(400, abs=60)
    assert split_examples(examples, 0.2, 0)[1] != split_examples(examples, 0.2, 1)[1]


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.3])
def test_what_is_kept_can_be_split_again(fraction: float) -> None:
    examples = [example(f"r{row}", "p") for row in range(1000)]
    kept, _ = split_examples(examples, 0.2, 0)
    assert len(split_examples(kept, fraction, 0)[1]) == pytest.approx(fraction * len(kept), rel=0.25)


def test_a_fraction_of_nothing_sets_nothing_apart() -> None:
    examples = [example(f"r{row}", "p") for row in range(9)]
    assert split_examples(examples, 0, 0) == (tuple(examples), ())
    with pytest.raises(ValueError, match="fraction must be in"):
        split_examples(examples, 1.0, 0)


@settings(max_examples=50)
@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 5))
def test_limits_are_nested_and_keep_the_order(small: int, large: int, seed: int) -> None:
    small, large = sorted((small, large))
    examples = [example(f"r{row}", "p") for row in range(50)]
    few, many = limit_examples(examples, small, seed), limit_examples(examples, large, seed)
    assert len(few) == min(small, 50)
    assert set(few) <= set(many)
    assert list(many) == [row for row in examples if row in many]
