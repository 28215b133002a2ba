"""Differences over seeds and items, against truths that were planted."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import stdtrit

from keeptune.records import Interval, Undefined
from keeptune.statistics.jackknife import LeftOut, paired_left_out, too_few
from keeptune.statistics.seeded import ONE_SEED, Seeded, mean_of, seeded


def of_items(scores: np.ndarray, items: str = "items", seeds: tuple[int, ...] | None = None) -> Seeded:
    """From [seeds, items], whose mean over items is the number of each seed."""
    count = scores.shape[1]
    found = {
        seed: LeftOut(float(row.mean()), (row.sum() - row) / (count - 1))
        for seed, row in zip(seeds or range(len(scores)), scores, strict=True)
    }
    return seeded(found, items)


def planted(
    rng: np.random.Generator, truth: float, by_seed: float, by_item: float, seeds: int, items: int
) -> np.ndarray:
    """[seeds, items]: truth + seed + item + noise of 1."""
    return (
        truth
        + rng.normal(0, by_seed, (seeds, 1))
        + rng.normal(0, by_item, (1, items))
        + rng.normal(0, 1.0, (seeds, items))
    )


@pytest.mark.parametrize(
    ("by_seed", "by_item", "at_most"), [(3.0, 0.0, 0.97), (0.0, 5.0, 0.97), (1.0, 5.0, 0.98)], ids=str
)
def test_the_interval_holds_the_planted_truth(by_seed: float, by_item: float, at_most: float) -> None:
    """And is not much wider than it need be, whichever part is the larger."""
    rng = np.random.default_rng(5)
    intervals = [of_items(planted(rng, 2.0, by_seed, by_item, 3, 40)).interval() for _ in range(1500)]
    covered = np.mean([interval.low <= 2.0 <= interval.high for interval in intervals])
    assert 0.93 <= covered <= at_most


def test_where_items_are_most_of_the_error_three_seeds_find_a_difference() -> None:
    rng = np.random.default_rng(8)
    found = [of_items(planted(rng, 2.7, 0.3, 5.0, 3, 40)) for _ in range(300)]
    assert np.mean([each.surely_above_zero() for each in found]) > 0.8


@pytest.mark.parametrize("seeds", [1, 2])
def test_fewer_seeds_settle_nothing(seeds: int) -> None:
    rng = np.random.default_rng(9)
    found = [of_items(planted(rng, 0.0, 3.0, 1.0, seeds, 40)) for _ in range(200)]
    assert not any(each.surely_above_zero() or each.surely_not_below_zero() for each in found)
    sure = of_items(planted(rng, 90.0, 0.0, 1.0, seeds, 40))
    assert not sure.surely_above_zero()


@pytest.mark.parametrize("by_seed", [0.3, 1.0, 3.0])
def test_a_stricter_level_holds_too(by_seed: float) -> None:
    """Satterthwaite's degrees would miss up to seven times as often as they may."""
    rng = np.random.default_rng(11)
    intervals = [of_items(planted(rng, 2.0, by_seed, 5.0, 3, 40)).interval(0.99) for _ in range(1500)]
    assert np.mean([interval.low <= 2.0 <= interval.high for interval in intervals]) >= 0.985


def test_two_seeds_have_an_interval_that_is_never_too_narrow() -> None:
    rng = np.random.default_rng(10)
    intervals = [of_items(planted(rng, 2.0, 3.0, 1.0, 2, 40)).interval() for _ in range(500)]
    assert np.mean([interval.low <= 2.0 <= interval.high for interval in intervals]) >= 0.94


def test_items_alone_would_not_hold_it() -> None:
    rng = np.random.default_rng(6)
    alone = [of_items(planted(rng, 2.0, 3.0, 0.0, 1, 40)).interval() for _ in range(500)]
    assert np.mean([i.low <= 2.0 <= i.high for i in alone]) < 0.3
    assert all(ONE_SEED in interval.method for interval in alone)


def test_the_standard_error_is_the_formula() -> None:
    rng = np.random.default_rng(1)
    scores = planted(rng, 0.0, 2.0, 3.0, 4, 50)
    found = of_items(scores)
    seeds = scores.mean(axis=1).var(ddof=1) / 4
    items = scores.mean(axis=0).var(ddof=1) / 50
    assert found.standard_error == pytest.approx(math.sqrt(seeds + items))
    assert found.mean == pytest.approx(scores.mean())
    degrees = (seeds + items) ** 2 / (seeds**2 / 3 + items**2 / 49)
    reach = float(stdtrit(degrees, 0.975)) * found.standard_error
    assert found.interval().high - found.mean == pytest.approx(reach, rel=1e-9)


def test_one_seed_has_the_jackknife_interval_of_its_items() -> None:
    scores = planted(np.random.default_rng(2), 1.0, 0.0, 3.0, 1, 50)
    interval = of_items(scores).interval()
    assert interval.high - interval.estimate == pytest.approx(2.009575 * scores.std(ddof=1) / math.sqrt(50), rel=1e-5)
    assert interval.method.startswith(ONE_SEED)
    assert not too_few(interval)
    assert too_few(of_items(scores[:, :12]).interval())


def test_a_difference_is_paired_by_seed_and_item() -> None:
    rng = np.random.default_rng(3)
    shared = planted(rng, 0.0, 5.0, 5.0, 3, 60)
    one, other = of_items(shared + 1.0), of_items(shared + rng.normal(0, 0.1, shared.shape))
    found = one.minus(other)
    assert isinstance(found, Seeded)
    assert found.mean == pytest.approx(1.0, abs=0.05)
    assert found.standard_error < 0.05 < 1.0 < one.standard_error


def test_a_difference_takes_the_seeds_of_both() -> None:
    scores = planted(np.random.default_rng(4), 0.0, 1.0, 1.0, 3, 30)
    one, other = of_items(scores, seeds=(0, 1, 2)), of_items(scores[1:] - 2.0, seeds=(1, 2))
    found = one.minus(other)
    assert isinstance(found, Seeded)
    assert (found.seeds, found.mean) == ((1, 2), pytest.approx(2.0))
    assert isinstance(one.minus(of_items(scores[:1], seeds=(9,))), Undefined)


def test_different_items_add_their_variances() -> None:
    rng = np.random.default_rng(7)
    one, other = (of_items(planted(rng, 0.0, 0.0, 2.0, 3, 40), name) for name in ("a", "b"))
    found, mean = one.minus(other), mean_of([one, other])
    assert isinstance(found, Seeded)
    seeds = (one.values - other.values).var(ddof=1) / 3
    items = sum(each.standard_error**2 - each.values.var(ddof=1) / 3 for each in (one, other))
    assert found.standard_error == pytest.approx(math.sqrt(seeds + items))
    mean_seeds = ((one.values + other.values) / 2).var(ddof=1) / 3
    assert mean.standard_error == pytest.approx(math.sqrt(mean_seeds + items / 4))
    assert mean.clusters == 80


def test_seeds_need_the_same_clusters() -> None:
    with pytest.raises(ValueError, match="same clusters"):
        seeded({0: LeftOut(0.0, np.zeros(3)), 1: LeftOut(0.0, np.zeros(4))}, "items")


def test_left_out_differences_are_those_of_the_jackknife() -> None:
    before, after = np.array([[1.0, 1.0], [0.0, 1.0], [1.0, 1.0]]), np.array([[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]])
    found = paired_left_out(before, after, lambda row: 100.0 * row[0] / row[1])
    assert isinstance(found, LeftOut)
    assert found.whole == pytest.approx(100 / 3)
    assert found.left_out.tolist() == pytest.approx([50.0, 0.0, 50.0])
    assert isinstance(of_items(np.array([[1.0, 2.0]])).interval(), Interval)


def test_items_that_nearly_all_change_alike_are_not_too_few() -> None:
    before = np.array([[0.0, 1.0]] * 100)
    after = before.copy()
    after[:96, 0] = 1.0

    def mean(counts: np.ndarray) -> float:
        return float(counts[0] / counts[1])

    change = paired_left_out(before, after, mean)
    assert isinstance(change, LeftOut)
    one = seeded(dict.fromkeys(range(3), change), "items")
    assert (one.differing, one.clusters) == (96, 100)
    assert mean_of([one, of_items(np.zeros((3, 5)), "others")]).differing == 96
    assert not too_few(one.interval())


def test_of_unlike_weights_only_clusters_in_which_anything_differs_count() -> None:
    random = np.random.default_rng(2)
    before = np.stack([random.uniform(1, 9, 60), random.uniform(1, 9, 60)], axis=1)
    after, other = before.copy(), before.copy()
    after[:4, 0] += 1.0
    other[4:6, 0] += 1.0

    def ratio(counts: np.ndarray) -> float:
        return float(counts[0] / counts[1])

    changes = [paired_left_out(before, each, ratio) for each in (after, other)]
    one, two = (seeded(dict.fromkeys(range(3), change), "items") for change in changes)
    found = one.minus(two)
    assert isinstance(found, Seeded)
    assert (one.differing, two.differing, found.differing) == (4, 2, 6)
    assert too_few(found.interval())
    nothing = one.minus(one)
    assert isinstance(nothing, Seeded)
    assert nothing.differing == 0
