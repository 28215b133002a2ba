"""Rows of each source: within one row of its share, never more than it has."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keeptune.data.mix.recipe import MixRecipe, MixSource
from keeptune.data.mix.weights import apportion, row_counts
from keeptune.errors import ConfigError, DataError


def recipe(*sources: dict[str, float], **settings: float) -> MixRecipe:
    named = tuple(MixSource(f"{place}.jsonl", f"s{place}", **each) for place, each in enumerate(sources))  # type: ignore[arg-type]
    return MixRecipe(named, **settings)  # type: ignore[arg-type]


def test_all_rows_without_weights() -> None:
    assert row_counts(recipe({}, {}, {}), [10, 0, 7]) == [10, 0, 7]


def test_fewer_rows_are_shared_by_size() -> None:
    assert row_counts(recipe({}, {}, rows=10), [300, 100]) == [8, 2]
    assert row_counts(recipe({}, {}, rows=100), [300, 100]) == [75, 25]


def test_the_cap_of_examples_proportional_mixing() -> None:
    assert row_counts(recipe({}, {}, {}, cap=3000), [100, 3000, 50_000]) == [100, 3000, 3000]
    assert row_counts(recipe({}, {"cap": 50}, cap=30), [100, 100]) == [30, 50]
    assert row_counts(recipe({}, {}, cap=100, rows=20), [300, 100]) == [10, 10]


def test_temperature_takes_the_root_of_sizes() -> None:
    # 100^(1/2) : 400^(1/2) = 1 : 2.
    assert row_counts(recipe({}, {}, temperature=2, rows=150), [100, 400]) == [50, 100]
    assert row_counts(recipe({}, {}, temperature=2), [100, 400]) == [100, 200]
    # After the cap: min(10000, 400).
    assert row_counts(recipe({}, {}, temperature=2, cap=400), [100, 10_000]) == [100, 200]
    # Towards infinity all sources count alike.
    assert row_counts(recipe({}, {}, temperature=1e9, rows=100), [1000, 50]) == [50, 50]


def test_weights_stand_for_sizes() -> None:
    assert row_counts(recipe({"weight": 1}, {"weight": 3}), [1000, 90]) == [30, 90]
    assert row_counts(recipe({"weight": 2}, {}, rows=30), [100, 100]) == [20, 10]
    assert row_counts(recipe({"weight": 1}, {"weight": 9}, temperature=2, rows=40), [100, 100]) == [10, 30]


def test_a_fraction_is_of_the_whole_mix() -> None:
    assert row_counts(recipe({}, {"fraction": 0.1}), [900, 5000]) == [900, 100]
    assert row_counts(recipe({}, {}, {"fraction": 0.1}, rows=100), [800, 100, 50]) == [80, 10, 10]
    assert row_counts(recipe({"fraction": 0.3}, {"fraction": 0.7}, rows=10), [10, 10]) == [3, 7]
    thirds = [{"fraction": 1 / 3}] * 3
    assert row_counts(recipe(*thirds), [5, 5, 5]) == [5, 5, 5]


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=30).filter(any), st.integers(0, 100_000))
def test_apportioned_within_one_row(parts: list[int], total: int) -> None:
    shares = [Fraction(part, sum(parts)) for part in parts]
    counts = apportion(shares, total)
    assert sum(counts) == total
    assert all(abs(count - share * total) < 1 for count, share in zip(counts, shares, strict=True))


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 5000), min_size=2, max_size=12),
    st.floats(0.5, 8),
    st.one_of(st.none(), st.integers(1, 5000)),
    st.data(),
)
def test_counts_meet_the_formula(sizes: list[int], temperature: float, cap: int | None, data: st.DataObject) -> None:
    plain = recipe(*[{}] * len(sizes), temperature=temperature)
    plain = MixRecipe(plain.sources, temperature=temperature, cap=cap)
    capped = [min(size, cap or size) for size in sizes]
    rates = [size ** (1 / temperature) for size in capped]
    most = sum(row_counts(plain, sizes))
    rows = data.draw(st.integers(1, most)) if most else None
    counts = row_counts(MixRecipe(plain.sources, rows, temperature, cap), sizes)
    assert all(count <= size for count, size in zip(counts, capped, strict=True))
    for count, rate in zip(counts, rates, strict=True):
        assert abs(count - sum(counts) * rate / sum(rates)) < 1 + 1e-6


@pytest.mark.parametrize(
    ("told", "usable", "must_say"),
    [
        (recipe({}, {}, rows=50), [10, 20], "50 rows are asked for, and the proportions allow 30"),
        (recipe({"weight": 1}, {"weight": 1}, rows=30), [10, 20], "s0 would give 15 of them and has 10"),
        (recipe({"fraction": 0.5}, {"fraction": 0.4}), [10, 20], "sum to 0.9, not to 1"),
        (recipe({"fraction": 0.7}, {"fraction": 0.4}, {}), [10, 20, 5], "sum to 1.1 and leave nothing"),
        (recipe({"weight": 1}, {"weight": 1}), [0, 20], "no row of s0 is left"),
    ],
)
def test_what_cannot_be_met_is_said(told: MixRecipe, usable: list[int], must_say: str) -> None:
    with pytest.raises(ConfigError, match=must_say):
        row_counts(told, usable)


def test_nothing_left() -> None:
    with pytest.raises(DataError, match="no row of any source is left"):
        row_counts(recipe({}, {}), [0, 0])
