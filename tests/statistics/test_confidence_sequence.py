"""Confidence sequences: by hand, and what they promise under simulation at every number of clusters."""

import math

import numpy as np
import pytest

from keeptune.statistics.confidence_sequence import HORIZON, Bets, Planned, anytime_p, anytime_z

ALPHA = 0.025
ONES = np.ones(200)
ALONE = Planned(200, 200, 1)


def flips(random, clusters, drop, discordant):
    """Drops of single items: −1, 0 or 1."""
    half = (discordant - drop) / 2 if discordant > drop else discordant / 2
    u = random.random(clusters)
    return (u < half + drop) * 1.0 - (u > 1.0 - half) * 1.0


def test_two_clusters_by_hand():
    bets = Bets(np.array([1.0, 0.0]), np.array([2.0, 4.0]), Planned(30, 10, 4), ALPHA)
    # Means of 3 items a cluster of at most 4: the variance before any cluster is (3/4)²/4.
    horizon, odds = HORIZON * 10, 2 * math.log(1 / ALPHA)
    first = math.sqrt(odds / ((9 / 64) * horizon))
    # The first cluster lies on its own mean, so it adds no variance.
    second = math.sqrt(odds / ((9 / 64) / 2 * horizon))
    null = 0.1
    most = 0.9 / 1.1
    assert min(first, second) > most, "the stakes stop short of ruin"
    capital = [1 + most * (1 - 0.2) / 4, (1 + most * (1 - 0.2) / 4) * (1 + most * (0 - 0.4) / 4)]
    assert bets.p_above(null) == pytest.approx(1 / max(capital))
    assert bets.p_below(null) == pytest.approx(1.0), "the first cluster speaks against it, the second does not make up"


@pytest.mark.parametrize("discordant", [0.05, 0.1, 0.3])
def test_at_the_null_few_ever_err_at_any_time(discordant):
    """The p-value is the least of all times, so that it is small means that it was small at some time."""
    random = np.random.default_rng(1)
    runs = [Bets(flips(random, 200, 0.05, discordant), ONES, ALONE, ALPHA) for _ in range(1_500)]
    for found in (np.array([b.p_below(0.05) for b in runs]), np.array([b.p_above(0.05) for b in runs])):
        assert np.mean(found <= ALPHA) <= ALPHA + 0.009
        assert np.mean(found <= 0.2) <= 0.2 + 0.03


def test_graded_scores_of_unequal_clusters_whose_size_goes_with_the_drop():
    """In the mean over items the drop is 0.1, but in clusters of 5 items 0.16 and in those of one item −0.2."""
    random = np.random.default_rng(2)
    wrong = 0
    for _ in range(1_000):
        sizes = np.where(random.random(150) < 0.5, 5.0, 1.0)
        drops = sizes * np.clip(np.where(sizes > 1, 0.16, -0.2) + random.uniform(-0.5, 0.5, 150), -1, 1)
        low, high = Bets(drops, sizes, Planned(450, 150, 5), ALPHA).limits(ALPHA)
        wrong += not low <= 0.1 <= high
    assert wrong / 1_000 <= 2 * ALPHA + 0.015


def test_limits_never_move_apart_and_agree_with_the_p_values():
    differences = flips(np.random.default_rng(3), 200, 0.2, 0.1)
    before = (-1.0, 1.0)
    for asked in (5, 20, 50, 100, 200):
        bets = Bets(differences[:asked], ONES[:asked], ALONE, ALPHA)
        low, high = bets.limits(ALPHA)
        assert before[0] - 1e-5 <= low < high <= before[1] + 1e-5
        before = (low, high)
        for null in (-0.1, 0.0, 0.05, 0.1, 0.3):
            if min(abs(null - low), abs(null - high)) > 1e-5:
                assert (bets.p_above(null) < ALPHA, bets.p_below(null) < ALPHA) == (low > null, high < null)
    assert before[0] > 0.05


def test_what_counts_is_the_share_of_the_scale():
    differences = flips(np.random.default_rng(4), 100, 0.2, 0.1)
    alone = Bets(differences, ONES[:100], ALONE, ALPHA)
    whole = Bets(4 * differences, 4 * ONES[:100], Planned(800, 200, 4), ALPHA)
    assert whole.limits(ALPHA) == pytest.approx(alone.limits(ALPHA), abs=1e-5)
    one_is_large = Bets(differences, ONES[:100], Planned(240, 200, 41), ALPHA)
    assert one_is_large.limits(ALPHA)[1] > alone.limits(ALPHA)[1], "a planned large cluster must be survived"


def test_nothing_changed_is_soon_below_the_margin():
    asked = next(n for n in range(1, 200) if Bets(0 * ONES[:n], ONES[:n], ALONE, ALPHA).p_below(0.05) <= ALPHA)
    assert math.log(ALPHA) / math.log(0.95) < asked < 100, "no exact test needs fewer than 72"


def test_the_asymptotic_boundary_is_left_by_few_walks():
    walks = np.random.default_rng(5).standard_normal((4_000, 200)).cumsum(axis=1) / np.sqrt(np.arange(1, 201))
    bound = np.array([anytime_z(n / 200, ALPHA) for n in range(1, 201)])
    assert 0.004 < np.mean((walks > bound).any(axis=1)) <= ALPHA + 0.005
    assert np.argmin(bound) + 1 == pytest.approx(HORIZON * 200, rel=0.35)


def test_the_asymptotic_p_value_belongs_to_the_boundary():
    for information in (0.05, 0.4, 1.0):
        assert anytime_p(anytime_z(information, ALPHA), information, ALPHA) == pytest.approx(ALPHA)
        assert anytime_p(-1.0, information, ALPHA) == anytime_p(0.0, information, ALPHA) == 1.0
        assert anytime_p(4.0, information, ALPHA) < anytime_p(3.0, information, ALPHA) < 1.0
        assert anytime_p(math.inf, information, ALPHA) == 0.0
