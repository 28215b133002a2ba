"""McNemar's mid-p, Holm's correction, and flips."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from keeptune.statistics.flips import count_flips
from keeptune.statistics.mcnemar import mcnemar_mid_p
from keeptune.statistics.multiplicity import holm_adjust


def test_published_mid_p():
    """Fagerland, Lydersen and Laake 2013: 1 and 7 discordant pairs, mid-p 0.039."""
    assert mcnemar_mid_p(1, 7) == pytest.approx(10 / 256)


@given(st.integers(0, 12), st.integers(0, 12))
def test_mid_p_equals_the_sum_over_all_outcomes(plus, minus):
    n, observed = plus + minus, abs(plus - minus)
    probability = [math.comb(n, k) / 2**n for k in range(n + 1)]
    beyond = sum(p for k, p in enumerate(probability) if abs(2 * k - n) > observed)
    same = sum(p for k, p in enumerate(probability) if abs(2 * k - n) == observed)
    expected = beyond + same / 2 if observed else 1.0
    assert mcnemar_mid_p(plus, minus) == pytest.approx(expected)
    assert mcnemar_mid_p(plus, minus) == mcnemar_mid_p(minus, plus)


@pytest.mark.parametrize(("plus", "minus"), [(12, 5), (40, 61), (3, 0), (150, 110)])
def test_mid_p_is_the_exact_test_less_half_of_what_was_seen(plus, minus):
    n, k = plus + minus, min(plus, minus)
    expected = binomtest(k, n).pvalue - binom.pmf(k, n, 0.5)
    assert mcnemar_mid_p(plus, minus) == pytest.approx(expected, abs=1e-9)


def test_exact_part_agrees_with_statsmodels():
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    exact = tables.mcnemar([[30, 12], [5, 53]], exact=True).pvalue
    assert mcnemar_mid_p(12, 5) == pytest.approx(exact - binom.pmf(5, 17, 0.5), abs=1e-9)


def test_mid_p_edges():
    assert mcnemar_mid_p(0, 0) == 1
    assert mcnemar_mid_p(4, 4) == pytest.approx(1)
    assert mcnemar_mid_p(1, 0) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="negative"):
        mcnemar_mid_p(-1, 2)


def test_holm_by_hand():
    assert holm_adjust([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm_adjust([]) == ()
    assert holm_adjust([0.9, 0.8]) == (1.0, 1.0)
    with pytest.raises(ValueError, match="p-value"):
        holm_adjust([1.2])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=4), st.sampled_from([0.025, 0.05, 0.3]))
def test_holm_is_the_closure_of_bonferroni(p_values, alpha):
    """A hypothesis is rejected where every set that holds it has a member below α / size of the set."""
    k = len(p_values)
    sets = [s for size in range(1, k + 1) for s in itertools.combinations(range(k), size)]
    for i, adjusted in enumerate(holm_adjust(p_values)):
        closed = all(min(p_values[j] for j in s) * len(s) <= alpha for s in sets if i in s)
        assert (adjusted <= alpha) == closed


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_agrees_with_statsmodels(p_values):
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    expected = multitest.multipletests(p_values, alpha=0.025, method="holm")
    assert holm_adjust(p_values) == pytest.approx(expected[1].tolist(), abs=1e-9)


def test_flips():
    assert count_flips([0, 100, 100, 50], [100, 0, 100, 50]) == (1, 1, 2)
    assert count_flips([], []) == (0, 0, 0)
    with pytest.raises(ValueError, match="equal lengths"):
        count_flips([1], [])
