"""Wilson's interval against statsmodels and by hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keeptune.records import Undefined
from keeptune.statistics.wilson import wilson_interval

Z2 = 1.959963984540054**2


@pytest.mark.parametrize("n", [1, 30, 400])
def test_nothing_and_everything(n):
    none, every = wilson_interval(0, n), wilson_interval(n, n)
    assert (none.low, every.high) == (0, 1)
    assert none.high == pytest.approx(Z2 / (n + Z2), abs=1e-12)
    assert every.low == pytest.approx(1 - none.high, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 800).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_agrees_with_statsmodels(table):
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    interval = wilson_interval(*table)
    low, high = proportion.proportion_confint(*table, alpha=0.05, method="wilson")
    assert interval.low == pytest.approx(max(low, 0.0), abs=1e-9)
    assert interval.high == pytest.approx(min(high, 1.0), abs=1e-9)


def test_impossible_counts():
    assert isinstance(wilson_interval(0, 0), Undefined)
    with pytest.raises(ValueError, match="5 of 4"):
        wilson_interval(5, 4)
