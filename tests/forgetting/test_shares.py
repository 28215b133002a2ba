"""Shares, their differences, and what is left of them when the detector's errors are taken out."""

import numpy as np
import pytest

from keeptune.forgetting.shares import corrected_share, rate_difference, share, share_difference
from keeptune.records import Interval, Undefined
from keeptune.statistics.tango import tango_interval


def flags(count, of):
    return [i < count for i in range(of)]


def test_independent_items_take_tango():
    before, after = [True] * 3 + [False] * 97, [False] * 2 + [True] * 21 + [False] * 77
    found = share_difference(before, after, [str(i) for i in range(100)])
    assert found == tango_interval(20, 2, 100)
    assert found.estimate == pytest.approx(share(after) - share(before))


def test_clusters_that_change_as_a_whole_count_once():
    clusters = [f"c{i // 2}" for i in range(120)]
    before, after = [False] * 120, [i // 2 % 3 == 0 for i in range(120)]
    found = share_difference(before, after, clusters)
    whole = tango_interval(20, 0, 59, degrees=59)
    assert (found.estimate, found.low, found.high) == pytest.approx((1 / 3, whole.low, whole.high), abs=0.01)


@pytest.mark.parametrize("changed", [0, 3])
def test_few_changed_clusters_do_not_give_certainty(changed):
    clusters = [f"c{i // 2}" for i in range(100)]
    found = share_difference([False] * 100, flags(2 * changed, 100), clusters)
    whole = tango_interval(changed, 0, 50, degrees=49)
    assert found.estimate == pytest.approx(changed / 50)
    assert (found.low, found.high) == pytest.approx((whole.low, whole.high), abs=2e-3)


def test_one_cluster_of_two_among_singles_changes_next_to_nothing():
    before, after = [True] * 402, [False] * 20 + [True] * 382
    alone = share_difference(before, after, [str(i) for i in range(402)])
    paired = share_difference(before, after, [str(max(i, 1)) for i in range(402)])
    assert (paired.low, paired.high) == pytest.approx((alone.low, alone.high), abs=0.003)


def test_newcombe_by_a_published_example():
    """Newcombe 1998, Table II, (a): 56/70 − 48/80 is 0.0524 to 0.3339 by method 10."""
    found = rate_difference(56 / 70, 70, 48 / 80, 80)
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=1e-4)


def test_a_perfect_detector_corrects_nothing():
    difference = Interval(0.3, 0.2, 0.4, 0.95, "m")
    found = corrected_share(difference, Interval(1.0, 1.0, 1.0, 0.95, "m"))
    assert (found.estimate, found.low, found.high) == pytest.approx((0.3, 0.2, 0.4))


@pytest.mark.parametrize("sign", [1, -1])
def test_limits_are_the_same_on_both_sides_of_zero(sign):
    power = Interval(0.8, 0.7, 0.86, 0.95, "m")
    plus = corrected_share(Interval(0.3, 0.2, 0.42, 0.95, "m"), power)
    minus = corrected_share(Interval(-0.3, -0.42, -0.2, 0.95, "m"), power)
    assert (plus.low, plus.high) == pytest.approx((-minus.high, -minus.low))
    assert plus.low < 0.2 / 0.8 < 0.3 / 0.8 < 0.42 / 0.8 < plus.high
    around = corrected_share(Interval(0.0, -0.1, 0.1, 0.95, "m"), power)
    assert around.low == pytest.approx(-around.high)
    assert around.low < -0.1 / 0.8


def test_it_stays_a_share():
    found = corrected_share(Interval(0.97, 0.9, 0.99, 0.95, "m"), Interval(0.9, 0.8, 0.95, 0.95, "m"))
    assert found.estimate == found.high == 1.0
    assert found.low < 1.0


def test_without_power_there_is_no_correction():
    assert isinstance(
        corrected_share(Interval(0.1, 0.0, 0.2, 0.95, "m"), Interval(0.1, -0.1, 0.3, 0.95, "m")), Undefined
    )
    assert isinstance(corrected_share(Undefined("no items"), Interval(0.9, 0.8, 1.0, 0.95, "m")), Undefined)


def test_the_corrected_interval_covers_the_truth():
    """A detector of 80 % and 2 %, 150 items of which 25 % are like the task: 95 % of the intervals hold 0.25."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        power = rate_difference(rng.binomial(120, 0.8) / 120, 120, rng.binomial(600, 0.02) / 600, 600)
        hit = rng.random(150) < 0.25
        after = rng.random(150) < np.where(hit, 0.8, 0.02)
        before = rng.random(150) < 0.02
        difference = share_difference(before.tolist(), after.tolist(), [str(i) for i in range(150)])
        found = corrected_share(difference, power)
        held += found.low <= 0.25 <= found.high
    assert 0.92 <= held / 400 <= 0.99
