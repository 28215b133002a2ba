"""Pocock's bounds against his table, and what they are for against a simulation."""

import numpy as np
import pytest

from keeptune.statistics.looks import MOST_LOOKS, alpha_of, level_of, pocock_bound


@pytest.mark.parametrize(("looks", "bound"), [(1, 1.960), (2, 2.178), (3, 2.289), (4, 2.361), (5, 2.413), (10, 2.555)])
def test_bounds_are_the_published_ones(looks, bound):
    """Jennison and Turnbull 2000, "Group Sequential Methods", table 2.1, alpha = 0.05."""
    assert pocock_bound(looks) == pytest.approx(bound, abs=6e-4)


def test_one_look_is_the_usual_interval_and_more_are_stricter():
    assert (level_of(1), alpha_of(1)) == pytest.approx((0.95, 0.025))
    assert [level_of(looks) for looks in range(1, 6)] == sorted(level_of(looks) for looks in range(1, 6))


def test_four_looks_at_a_walk_leave_the_bound_in_five_percent():
    steps = np.random.default_rng(0).standard_normal((20_000, 4)).cumsum(axis=1) / np.sqrt([1, 2, 3, 4])
    assert np.mean((np.abs(steps) > pocock_bound(4)).any(axis=1)) == pytest.approx(0.05, abs=0.006)
    assert np.mean((np.abs(steps) > 1.96).any(axis=1)) > 0.11, "uncorrected"


@pytest.mark.parametrize("looks", [0, MOST_LOOKS + 1])
def test_how_many_is_bounded(looks):
    with pytest.raises(ValueError, match="between"):
        pocock_bound(looks)
