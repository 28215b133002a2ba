"""The interval over draws that share their items: how often it holds the truth."""

import numpy as np
import pytest

from keeptune.statistics.crossed import crossed_interval

DRAWS, ITEMS, RUNS = 5, 100, 800


def left_out(y):
    return (y.sum(axis=1, keepdims=True) - y) / (y.shape[1] - 1)


def scores(rng, of_draw, of_item, of_both, *, binary):
    """[draws, items] of mean 0: what each draw, each item, and both together bring."""
    draw, item = rng.normal(0, of_draw, (DRAWS, 1)), rng.normal(0, of_item, (1, ITEMS))
    y = draw + item + rng.normal(0, of_both, (DRAWS, ITEMS))
    return np.sign(y) * (np.abs(y) > 1.0) if binary else y


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize(
    ("of_draw", "of_item", "of_both"),
    [(0.0, 1.0, 0.5), (0.02, 1.0, 1.0), (0.1, 1.0, 0.5), (0.3, 1.0, 1.0), (0.3, 0.1, 1)],
)
def test_it_covers_what_it_says(of_draw, of_item, of_both, binary):
    rng = np.random.default_rng(0)
    held = alone = 0
    for _ in range(RUNS):
        y = scores(rng, of_draw, of_item, of_both, binary=binary)
        found = crossed_interval(y.mean(axis=1), left_out(y))
        held += found.low <= 0.0 <= found.high
        spread = 2.776 * y.mean(axis=1).std(ddof=1) / DRAWS**0.5
        alone += abs(y.mean()) <= spread
    assert held / RUNS >= 0.935
    if of_draw <= 0.02:  # where the items matter, the spread of the draws alone says far too little
        assert alone / RUNS < 0.75


def test_draws_that_agree_do_not_settle_what_other_items_would_give():
    y = np.tile(np.arange(20.0) % 4, (DRAWS, 1))
    found = crossed_interval(y.mean(axis=1), left_out(y))
    assert found.estimate == pytest.approx(1.5)
    standard_error = y[0].std(ddof=1) / 20**0.5
    assert found.high - found.estimate == pytest.approx(2.093 * standard_error, rel=1e-3)


def test_nothing_that_varies_has_no_width():
    found = crossed_interval(np.zeros(3), np.zeros((3, 8)), 0.99)
    assert (found.low, found.estimate, found.high, found.level) == (0.0, 0.0, 0.0, 0.99)
