"""Fieller's interval against the paired t-test that it inverts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from keeptune.numerics.fieller import PairedMoments, fieller_interval
from keeptune.records import Interval, Undefined


def moments_of(top, bottom):
    covariance = np.cov(top, bottom) / len(top)
    return PairedMoments(top.mean(), bottom.mean(), covariance[0, 0], covariance[1, 1], covariance[0, 1])


def test_worked_by_hand():
    """a = 6, b = 8, Vaa = Vbb = 1, Vab = 0.5, one degree short of a normal: t = 2.0 by choice of the level."""
    degrees = 10
    level = 2.0 * stats.t.cdf(2.0, degrees) - 1.0
    interval = fieller_interval(PairedMoments(6.0, 8.0, 1.0, 1.0, 0.5), degrees, level)
    # 60ρ² − 2·46ρ + 32 = 0: ρ = (46 ± √(46² − 60·32))/60 = (46 ± 14)/60
    assert interval.low == pytest.approx(32 / 60, abs=1e-9)
    assert interval.high == pytest.approx(1.0, abs=1e-9)
    assert interval.estimate == 0.75


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(8, 60))
def test_limits_are_where_the_paired_t_test_turns(seed, n):
    random = np.random.default_rng(seed)
    bottom = random.normal(50, 10, n)
    top = 0.8 * bottom + random.normal(0, 8, n)
    interval = fieller_interval(moments_of(top, bottom), n - 1)

    def beyond(ratio):
        return stats.ttest_1samp(top - ratio * bottom, 0.0).pvalue - 0.05

    low = optimize.brentq(beyond, interval.estimate - 5, interval.estimate, xtol=1e-12)
    high = optimize.brentq(beyond, interval.estimate, interval.estimate + 5, xtol=1e-12)
    assert interval.low == pytest.approx(low, abs=1e-6)
    assert interval.high == pytest.approx(high, abs=1e-6)


def test_without_variance_it_is_the_ratio():
    interval = fieller_interval(PairedMoments(3.0, 4.0, 0.0, 0.0, 0.0), 20)
    assert (interval.low, interval.estimate, interval.high) == (0.75, 0.75, 0.75)


def test_a_denominator_near_zero_has_no_ratio():
    t = stats.t.ppf(0.975, 20)
    assert isinstance(fieller_interval(PairedMoments(3.0, 0.999 * t, 1.0, 1.0, 0.0), 20), Undefined)
    assert isinstance(fieller_interval(PairedMoments(3.0, 1.001 * t, 1.0, 1.0, 0.0), 20), Interval)
    assert isinstance(fieller_interval(PairedMoments(3.0, 0.0, 1.0, 0.0, 0.0), 20), Undefined)
    assert isinstance(fieller_interval(PairedMoments(3.0, 4.0, 0.0, 0.0, 0.0), 0), Undefined)


def test_covers_as_often_as_it_says():
    random = np.random.default_rng(7)
    covered = 0
    for _ in range(600):
        bottom = random.normal(2.0, 3.0, 60)
        top = 0.6 * bottom + random.normal(0.0, 2.0, 60)
        interval = fieller_interval(moments_of(top, bottom), 59)
        covered += interval.low <= 0.6 <= interval.high if isinstance(interval, Interval) else 1
    assert 0.93 <= covered / 600 <= 0.97
