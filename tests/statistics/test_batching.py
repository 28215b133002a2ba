"""Every row once an epoch, the same on every machine, within the budget and with little padding."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeptune.data.batching import MAX_PADDING, WINDOW_BATCHES, plan_epoch, split_by_budget

LENGTHS = st.lists(st.integers(1, 300), min_size=1, max_size=120)


@given(lengths=LENGTHS, batch_size=st.integers(1, 20), seed=st.integers(0, 2**32), epoch=st.integers(0, 50))
def test_an_epoch_holds_every_row_once(lengths: list[int], batch_size: int, seed: int, epoch: int) -> None:
    plan = plan_epoch(lengths, batch_size, seed, epoch)
    assert sorted(row for batch in plan for row in batch) == list(range(len(lengths)))
    # As many steps as the loop counts, with whole batches but one.
    assert len(plan) == -(-len(lengths) // batch_size)
    assert sorted({len(batch) for batch in plan}, reverse=True)[0] <= batch_size
    assert sum(len(batch) < batch_size for batch in plan) <= 1
    assert plan == plan_epoch(list(lengths), batch_size, seed, epoch)


def test_the_plan_is_the_same_on_every_machine() -> None:
    assert plan_epoch([5, 1, 4, 2, 3, 9], 2, seed=7, epoch=0) == [[4, 2], [1, 3], [0, 5]]


def test_epochs_and_seeds_differ() -> None:
    lengths = [n % 17 + 1 for n in range(200)]
    plans = [plan_epoch(lengths, 8, seed, epoch) for seed in (0, 1) for epoch in (0, 1)]
    assert len({str(plan) for plan in plans}) == 4
    contents = [{frozenset(batch) for batch in plan} for plan in plans]
    assert not contents[0] & contents[1], "two epochs hold a batch of the same rows"


def test_batches_are_of_like_length_but_not_in_its_order() -> None:
    lengths = [n * 7919 % 500 + 1 for n in range(WINDOW_BATCHES * 8)]
    plan = plan_epoch(lengths, 8, seed=0, epoch=0)
    spread = [max(lengths[row] for row in batch) - min(lengths[row] for row in batch) for batch in plan]
    assert max(spread) <= 500 / WINDOW_BATCHES * 2
    order = [lengths[batch[0]] for batch in plan]
    assert order not in (sorted(order), sorted(order, reverse=True))


@given(lengths=LENGTHS, budget=st.integers(1, 2000))
def test_parts_stay_within_the_budget_and_are_hardly_padded(lengths: list[int], budget: int) -> None:
    parts = split_by_budget(range(len(lengths)), lengths, budget)
    assert sorted(row for part in parts for row in part) == list(range(len(lengths)))
    for part in parts:
        longest = max(lengths[row] for row in part)
        assert longest * len(part) <= budget or len(part) == 1
        assert min(lengths[row] for row in part) >= (1 - MAX_PADDING) * longest
        assert sum(longest - lengths[row] for row in part) <= MAX_PADDING * longest * len(part)


@given(lengths=LENGTHS, budget=st.integers(1, 2000))
def test_parts_are_as_few_as_greed_makes_them(lengths: list[int], budget: int) -> None:
    parts = split_by_budget(range(len(lengths)), lengths, budget)
    for part, following in pairwise(parts):
        longest, first = lengths[part[0]], lengths[following[0]]
        assert first <= longest, "parts go from long to short"
        assert (len(part) + 1) * longest > budget or first < (1 - MAX_PADDING) * longest


def test_rows_keep_their_own_numbers() -> None:
    assert split_by_budget([4, 1], [0, 10, 0, 0, 9], 100) == [[1, 4]]
    assert split_by_budget([], [], 100) == []
    assert split_by_budget([0, 1], [50, 50], 10) == [[0], [1]]


@pytest.mark.parametrize(("short", "parts"), [(65, 1), (64, 2)])
def test_the_padding_bound_is_exact(short: int, parts: int) -> None:
    assert len(split_by_budget([0, 1], [100, short], 1000)) == parts
