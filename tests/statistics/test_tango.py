"""Tango's interval against published values, a quartic that inverts the score, and a fine grid."""

import math
import random

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from keeptune.records import Undefined
from keeptune.statistics.tango import restricted_minus, tango_interval, tango_mid_p_above, tango_z

Z = 1.959963984540054


def quartic_limits(b, c, n):
    """Limits by the roots of Yang, Sun and Hardin 2013 (Statistics in Medicine 32): the quartic that
    z(m)² = Z² comes to; the outermost roots around the estimate."""
    g, d = Z * Z, b - c
    coefficients = [
        n**2 * (n / g + 1) ** 2,
        -n * d * (n / g + 1) * (4 * n / g + 1),
        2 * n * d**2 * (3 * n / g + 2) / g - n**2 * ((b + c) / g + 1),
        n * d * (2 * (b + c) / g + 1) - d**3 * (4 * n / g + 1) / g,
        d**2 * (d**2 / g - (b + c)) / g,
    ]
    roots = [r.real for r in np.roots(coefficients) if abs(r.imag) < 1e-6]
    return min(roots), max(roots)


tables = st.integers(1, 400).flatmap(
    lambda n: st.integers(0, n).flatmap(lambda b: st.tuples(st.just(b), st.integers(0, n - b), st.just(n)))
)


def test_published_airway_hyper_responsiveness():
    """Bentur et al. 2009 as analysed by Fagerland, Lydersen and Laake 2014, Statistics in Medicine 33:
    1 and 7 discordant of 21: (−0.517, −0.026)."""
    interval = tango_interval(1, 7, 21)
    assert (round(interval.low, 3), round(interval.high, 3)) == (-0.517, -0.026)
    assert interval.estimate == pytest.approx(-6 / 21)


def test_values_of_the_r_package_propcis():
    """scoreci.mp(25, 28, 618) at 90 %: (−0.0148, 0.0247)."""
    interval = tango_interval(28, 25, 618, level=0.90)
    assert (round(interval.low, 4), round(interval.high, 4)) == (-0.0148, 0.0247)


def test_no_discordant_pair_has_a_closed_form():
    for n in (1, 30, 500):
        interval = tango_interval(0, 0, n)
        assert interval.estimate == 0
        assert interval.high == pytest.approx(Z**2 / (n + Z**2), abs=1e-12)
        assert interval.low == pytest.approx(-interval.high, abs=1e-12)


def test_all_pairs_discordant_one_way():
    for n in (1, 30):
        interval = tango_interval(n, 0, n)
        assert (interval.estimate, interval.high) == (1, 1)
        # z = √(n(1 − m)/(1 + m)) here
        assert interval.low == pytest.approx((n - Z**2) / (n + Z**2), abs=1e-12)


def test_zero_difference_is_mcnemars_score():
    assert tango_z(12, 5, 100, 0.0) == pytest.approx((12 - 5) / math.sqrt(12 + 5))


@settings(max_examples=150, deadline=None)
@given(tables)
def test_equals_the_quartic(table):
    b, c, n = table
    assume(b + c > 0 and n > 1)
    interval = tango_interval(b, c, n)
    low, high = quartic_limits(b, c, n)
    if b < n:
        assert interval.high == pytest.approx(high, abs=2e-5)
    if c < n:
        assert interval.low == pytest.approx(low, abs=2e-5)


@settings(max_examples=100, deadline=None)
@given(tables)
@example((189, 0, 197))
def test_order_mirror_and_range(table):
    b, c, n = table
    interval, mirror = tango_interval(b, c, n), tango_interval(c, b, n)
    assert -1 <= interval.low <= interval.estimate <= interval.high <= 1
    if b != c:
        assert (mirror.low, mirror.estimate, mirror.high) == (-interval.high, -interval.estimate, -interval.low)
    assert mirror.low == pytest.approx(-interval.high, abs=1e-12)
    assert interval.low < interval.high
    for limit, target in ((interval.low, Z), (interval.high, -Z)):
        if abs(limit) < 1 - 1e-9:
            assert tango_z(b, c, n, limit) == pytest.approx(target, abs=1e-5)


@pytest.mark.parametrize("table", [(0, 0, 30), (3, 0, 25), (7, 7, 40), (1, 20, 21), (5, 5, 10), (12, 3, 300)])
def test_equals_inversion_over_a_fine_grid_and_z_is_monotone(table):
    grid = np.linspace(-0.9999, 0.9999, 20001)
    z = np.array([tango_z(*table, float(m)) for m in grid])
    assert np.all(np.diff(z) <= 1e-9)
    inside = grid[np.abs(z) <= Z]
    interval = tango_interval(*table)
    assert interval.low == pytest.approx(inside[0], abs=2e-4)
    assert interval.high == pytest.approx(inside[-1], abs=2e-4)


def test_covers_about_as_often_as_it_says():
    rng = random.Random(3)
    n, p_plus, p_minus = 60, 0.06, 0.10
    covered = 0
    for _ in range(400):
        draws = [rng.random() for _ in range(n)]
        b = sum(x < p_plus for x in draws)
        c = sum(p_plus <= x < p_plus + p_minus for x in draws)
        interval = tango_interval(b, c, n)
        covered += interval.low <= p_plus - p_minus <= interval.high
    assert 0.92 <= covered / 400 <= 0.985


@pytest.mark.parametrize("table", [(12, 3, 100), (3, 9, 60), (0, 5, 40), (7, 0, 200), (40, 35, 150)])
@pytest.mark.parametrize("m", [-0.1, 0.02, 0.05, 0.2])
def test_restricted_shares_are_the_likeliest_and_z_is_their_score(table, m):
    """By maximising the trinomial likelihood with scipy under b − c = m; the score there over its information."""
    b, c, n = table

    def loss(q):
        return -(stats.multinomial.logpmf([b, c, n - b - c], n, [q + m, q, 1 - 2 * q - m]))

    bounds = (max(0.0, -m) + 1e-12, (1 - m) / 2 - 1e-12)
    q = optimize.minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-13}).x
    assert restricted_minus(b / n, c / n, m) == pytest.approx(q, abs=1e-6)
    variance = 2 * q + m - m * m
    assert tango_z(b, c, n, m) == pytest.approx((b - c - n * m) / math.sqrt(n * variance), abs=1e-5)


def test_p_value_is_the_interval_turned_round():
    for b, c, n in ((20, 5, 300), (9, 12, 80), (60, 31, 600)):
        interval = tango_interval(b, c, n)
        assert stats.norm.sf(tango_z(b, c, n, interval.low)) == pytest.approx(0.025, abs=1e-6)
        assert stats.norm.sf(tango_z(b, c, n, interval.high)) == pytest.approx(0.975, abs=1e-6)


@pytest.mark.parametrize(
    "table",
    [(3, 1, 20, 0.05), (10, 0, 20, 0.05), (0, 0, 20, 0.05), (0, 7, 20, 0.05), (20, 0, 20, 0.05), (5, 5, 10, 0.2)],
)
def test_mid_p_equals_the_sum_over_all_tables(table):
    b, c, n, m = table
    q = restricted_minus(b / n, c / n, m)
    expected = 0.0
    for i in range(n + 1):
        for j in range(n + 1 - i):
            ways = math.comb(n, i) * math.comb(n - i, j)
            p = ways * (q + m) ** i * q**j * max(1 - 2 * q - m, 0) ** (n - i - j)
            expected += p * (i - j > b - c) + p / 2 * (i - j == b - c)
    assert tango_mid_p_above(b, c, n, m) == pytest.approx(expected, abs=1e-9)


def test_mid_p_is_near_the_normal_one_where_many_flip_and_above_it_where_few_do():
    assert tango_mid_p_above(90, 60, 600, 0.05) == pytest.approx(stats.norm.sf(tango_z(90, 60, 600, 0.05)), abs=2e-3)
    assert tango_mid_p_above(31, 0, 300, 0.05) > 1.5 * stats.norm.sf(tango_z(31, 0, 300, 0.05))
    assert tango_mid_p_above(0, 0, 50, 0.0) == 0.5


def test_impossible_counts_are_refused():
    assert isinstance(tango_interval(0, 0, 0), Undefined)
    for counts in ((-1, 0, 3), (2, 2, 3)):
        with pytest.raises(ValueError, match="plus"):
            tango_interval(*counts)
    with pytest.raises(ValueError, match="strictly between"):
        tango_z(1, 1, 3, 1.0)


@pytest.mark.parametrize("items", [500, 1000, 1234, 1999])
@pytest.mark.parametrize(("plus", "minus"), [(0, 0), (5, 5), (0, 40)])
def test_mid_p_is_a_probability(items, plus, minus):
    """Far below the margin it is 1 but for rounding, which must not lift it above."""
    assert 0.9 <= tango_mid_p_above(plus, minus, items, 0.05) <= 1.0


@pytest.mark.parametrize(
    ("plus", "minus", "items", "level", "degrees", "low", "high"),
    [
        (0, 0, 1, 0.95, math.inf, -0.7934506856227626, 0.7934506856227626),
        (0, 0, 400, 0.95, math.inf, -0.009512294334296508, 0.009512294334296505),
        (30, 10, 400, 0.95, math.inf, 0.019984923430799675, 0.08312694449430477),
        (10, 30, 400, 0.95, math.inf, -0.08312694449430477, -0.019984923430799675),
        (3, 0, 3, 0.95, math.inf, -0.12299406351009087, 1.0),
        (0, 3, 3, 0.999, 29.5, -1.0, 0.6328293314579079),
        (200, 200, 400, 0.95, math.inf, -0.09753099166058196, 0.09753099166058193),
        (1, 0, 5000, 0.99, math.inf, -0.0011254858237908895, 0.0017012091629855161),
        (7.5, 2.25, 80.5, 0.95, 20.0, -0.019047552664651614, 0.1606789821850637),
        (399, 1, 400, 0.95, 5.0, 0.9582490482195578, 0.9994109423276494),
    ],
)
def test_limits_are_those_of_the_bisection(plus, minus, items, level, degrees, low, high):
    """Student's quantile of older versions of scipy is exact to some 1e-11."""
    close = 1e-13 if math.isinf(degrees) else 1e-10
    found = tango_interval(plus, minus, items, level, degrees)
    assert (found.low, found.high) == (pytest.approx(low, abs=close), pytest.approx(high, abs=close))
