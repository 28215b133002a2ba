"""Planned items and detectable drops against hand-computed values, exact power and each other."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, t

from keeptune.statistics.planning import (
    detectable_drop,
    detectable_drop_binary,
    discordant_share,
    items_for_kept,
    items_for_kept_binary,
    items_to_tell,
    items_to_tell_binary,
    power_of_each,
)
from keeptune.statistics.tango import tango_z


def test_the_rule_of_thumb():
    """7.85·s²/m²: 10 % discordant and a margin of 2 points need about 1,960 items, 5 points 314."""
    assert items_for_kept(0.10, 0.05) == math.ceil(7.8489 * 0.10 / 0.0025) == 314
    assert items_for_kept(0.10, 0.02) == 1963
    assert items_for_kept(0.0, 0.05) == 1
    assert items_to_tell(0.10, 0.09, 0.05) == items_for_kept(0.10, 0.04)
    assert items_to_tell(0.10, 0.01, 0.05) == items_for_kept(0.10, 0.04)
    assert items_to_tell(0.10, 0.05, 0.05) is None


def test_few_flips_need_more_than_the_rule_says():
    assert [items_for_kept_binary(share, 0.05) for share in (0.05, 0.10, 0.20)] == [215, 350, 644]
    assert items_for_kept_binary(0.10, 0.02) == 2005


def test_share_is_never_zero():
    assert discordant_share(0, 0, 98) == 0.01
    assert discordant_share(6, 4, 98) == pytest.approx(0.11)


def test_detectable_drop_without_new_flips_is_the_rule_of_thumb():
    n, variance, margin = 400, 225.0, 5.0
    reach = (t.ppf(0.975, n - 1) + t.ppf(0.8, n - 1)) * math.sqrt(variance / n)
    assert detectable_drop(variance, 0.0, n, margin) == pytest.approx(margin + reach)
    assert reach == pytest.approx(2.80 * 15 / 20, abs=0.01)


def test_detectable_drop_solves_its_own_equation():
    n, variance, size, margin = 300, 900.0, 100.0, 5.0
    drop = detectable_drop(variance, size, n, margin)
    reach = t.ppf(0.975, n - 1) + t.ppf(0.8, n - 1)
    assert drop == pytest.approx(margin + reach * math.sqrt((variance + drop * size) / n))


def test_detectable_binary_drop_has_its_power_exactly():
    """Without flips wrong→right the count is binomial, and the power a sum over one variable."""
    n, margin = 300, 0.05
    drop = detectable_drop_binary(0.0, n, margin)
    power = sum(binom.pmf(b, n, drop) for b in range(n + 1) if tango_z(b, 0, n, margin) > 1.959964)
    assert 0.79 <= power <= 0.84


@given(st.floats(0.01, 0.6), st.integers(50, 2000), st.floats(0.01, 0.1))
def test_items_and_drop_are_each_others_inverse(share, items, margin):
    drop = detectable_drop_binary(share, items, margin)
    if drop is not None:
        assert drop > margin
        assert items_to_tell_binary(share / 2 + drop * (1 + 1e-12), share / 2, margin) <= items
        assert items_to_tell_binary(share / 2 + drop * 0.999 + margin * 0.001, share / 2, margin) >= items


@given(st.floats(0.01, 0.5), st.integers(50, 2000))
def test_more_items_see_less_and_more_flips_hide_more(share, items):
    drop, more_items = detectable_drop_binary(share, items, 0.05), detectable_drop_binary(share, 2 * items, 0.05)
    more_flips = detectable_drop_binary(1.2 * share, items, 0.05)
    if drop is not None:
        assert more_items < drop
        assert more_flips is None or more_flips > drop


def test_too_few_items_see_nothing():
    assert detectable_drop_binary(0.1, 0, 0.05) is None
    assert detectable_drop_binary(0.1, 2, 0.05) is None
    assert detectable_drop_binary(1.0, 300, 0.05) is None


def test_what_is_promised_of_several_needs_more():
    """k abilities: lost at 0.025/k, kept with 0.8^(1/k) each."""
    assert power_of_each(1) == 0.8
    assert power_of_each(4) ** 4 == pytest.approx(0.8)
    drops = [detectable_drop_binary(0.1, 400, 0.05, alpha=0.025 / k) for k in (1, 4, 14)]
    items = [items_for_kept_binary(0.1, 0.05, power=power_of_each(k)) for k in (1, 4, 14)]
    assert drops == sorted(drops)
    assert items == sorted(items)
    assert items[2] > 1.5 * items[0]
    assert detectable_drop(225.0, 100.0, 300, 5.0, alpha=0.025 / 4) > detectable_drop(225.0, 100.0, 300, 5.0)
    assert items_for_kept(0.1, 0.05, null_variance=0.2) > items_for_kept(0.1, 0.05)


@pytest.mark.parametrize(
    ("share", "items", "margin", "alpha", "power", "drop"),
    [
        (0, 300, 0.05, 0.025, 0.8, 0.08846040769615479),
        (0.1, 400, 0.05, 0.025, 0.8, 0.11232055381814589),
        (0.1, 400.5, 0.05, 0.0025, 0.8, 0.13501000984786324),
        (0.02, 100, 0.05, 0.025, 0.95, 0.2060086877544185),
        (0.3, 1000, 0.02, 0.0018, 0.98, 0.12089387814721815),
        (0.5, 5000, 0.1, 0.025, 0.8, 0.13113845196829996),
    ],
)
def test_detectable_drops_are_those_of_the_bisection(share, items, margin, alpha, power, drop):
    assert detectable_drop_binary(share, items, margin, alpha, power) == pytest.approx(drop, abs=1e-13)
