"""The score test of a mean: Tango's on values −1, 0 and 1, and on others the likeliest distribution of that mean."""

import numpy as np
import pytest
from scipy.optimize import minimize

from keeptune.statistics.score_test import restricted_variance, score_z
from keeptune.statistics.tango import restricted_variance as tango_variance
from keeptune.statistics.tango import tango_z


def flips(plus, minus, items):
    return np.array([1.0] * plus + [-1.0] * minus + [0.0] * (items - plus - minus))


@pytest.mark.parametrize(("plus", "minus", "items"), [(20, 8, 200), (0, 0, 100), (3, 0, 80), (0, 5, 90), (30, 30, 300)])
@pytest.mark.parametrize("null", [0.05, 0.2])
def test_on_flips_it_is_tangos(plus, minus, items, null):
    found = restricted_variance(flips(plus, minus, items), null, 1.0 - null)
    assert found == pytest.approx(tango_variance(plus / items, minus / items, null), rel=1e-4)


def test_its_z_is_tangos_where_the_variance_is_above_the_samples_own():
    z = score_z(flips(6, 4, 200), 0.01, 0.05, 1.0, -1.0)
    assert z == pytest.approx(tango_z(6, 4, 200, 0.05) * np.sqrt(199 / 200), rel=1e-4)


def test_on_other_values_the_weights_are_the_likeliest():
    values = np.array([-1.0, 0.0, 0.5, 2.0, 4.0, -0.5])
    null = 1.6

    def against(weights):
        return -np.log(weights).sum()

    best = minimize(
        against,
        np.full(6, 1 / 6),
        bounds=[(1e-9, 1)] * 6,
        constraints=[{"type": "eq", "fun": lambda w: w.sum() - 1}, {"type": "eq", "fun": lambda w: w @ values - null}],
    )
    assert restricted_variance(values, null, 4.0 - null) == pytest.approx(best.x @ (values - null) ** 2, rel=1e-4)


def test_many_samples_at_once_are_each_alone():
    samples = np.random.default_rng(0).normal(0, 1, (5, 40))
    together = restricted_variance(samples, 0.3, np.full(5, 3.0))
    assert together == pytest.approx([float(restricted_variance(sample, 0.3, 3.0)) for sample in samples])


def test_a_mean_beyond_the_end_is_surely_not():
    assert score_z(np.array([0.0, 0.0, 1.0]), 1 / 3, 2.0, 1.0, 0.0) < -1e6
    assert score_z(np.array([0.0, 0.0, 1.0]), 1 / 3, -1.0, 1.0, 0.0) > 1e6
