"""Fieller's interval by the score test that it inverts."""

import numpy as np
import pytest

from keeptune.records import Interval, Undefined
from keeptune.statistics.fieller import fieller_interval
from keeptune.statistics.jackknife import paired_ratio


def ratio(base, tuned, floor=0.0):
    counts = [np.stack([values, np.ones(len(values))], axis=1) for values in (base, tuned)]
    return paired_ratio(*counts, lambda summed: float(summed[0] / summed[1]), np.ones(len(base)), floor)


def test_limits_are_where_the_test_turns():
    random = np.random.default_rng(3)
    base = random.normal(50, 10, 60)
    at = ratio(base, 0.8 * base + random.normal(0, 8, 60))
    found = fieller_interval(at)
    assert found.low < found.estimate < found.high
    for limit in (found.low, found.high):
        assert abs(at(limit).z(0.0)) == pytest.approx(2.001, abs=1e-3)  # t with 59 degrees


def test_a_denominator_near_the_floor_has_no_ratio():
    base = np.random.default_rng(4).normal(50, 10, 60)
    assert isinstance(fieller_interval(ratio(base, base, floor=50.0)), Undefined)
    assert isinstance(fieller_interval(ratio(base, base, floor=80.0)), Undefined)
    assert isinstance(fieller_interval(ratio(base, base + base % 2, floor=40.0)), Interval)


def test_covers_as_often_as_it_says_where_few_items_change():
    """Fieller's own interval, with normal errors, covers 87 % here."""
    random = np.random.default_rng(7)
    covered = 0
    for _ in range(300):
        base = random.choice([0.0, 100.0], 150, p=[0.2, 0.8])
        found = fieller_interval(ratio(base, np.where(random.random(150) < 0.06, 0.0, base), floor=25.0))
        covered += found.low <= (80 * 0.94 - 25) / 55 <= found.high
    assert covered / 300 > 0.92
