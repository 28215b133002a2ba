"""Planted curves: how often the interval of what more would bring holds it, and when nothing may be told."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from keeptune.records import Interval, Undefined
from keeptune.statistics.power_curve import (
    MIN_SIZES,
    MISFIT,
    CurveScores,
    PowerCurve,
    draw_noise,
    fit_power_curve,
    foretold,
)

SIZES = np.array([50.0, 100.0, 250.0, 500.0, 1000.0])
CURVES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "slow power law": lambda n: 60 - 80 * n**-0.3,
    "power law": lambda n: 50 - 900 / n,
    "never saturating": lambda n: 10 + 4 * np.log(n),
    "exponential": lambda n: 50 - 30 * np.exp(-n / 200),
    "flat": lambda n: 40 + 0 * n,
}
REPEATS = 100
ITEMS = (1.5, 0.7)
"""Standard deviation that items give to all sizes alike, and to each size."""


def planted(curve: Callable[[np.ndarray], np.ndarray], rng: np.random.Generator, draws: int = 3) -> CurveScores:
    """Draws differ by 1.5 points at the smallest size, and by less at larger ones."""
    items = rng.normal(0, ITEMS[0]) + rng.normal(0, ITEMS[1], len(SIZES))
    by_draw = 1.5 * (SIZES / SIZES[0]) ** -0.25
    scores = (curve(SIZES) + items)[:, None] + rng.normal(size=(len(SIZES), draws)) * by_draw[:, None]
    covariance = np.full((len(SIZES), len(SIZES)), ITEMS[0] ** 2) + np.eye(len(SIZES)) * ITEMS[1] ** 2
    return CurveScores(SIZES, scores, covariance)


@pytest.mark.parametrize("name", CURVES)
def test_the_interval_of_what_more_would_bring_holds(name: str) -> None:
    """Nominal 95 %; 100 repeats tell shares only roughly, so 0.88 is asked for."""
    curve, rng = CURVES[name], np.random.default_rng(7)
    truth = float(curve(np.array([1500.0]))[0] - curve(np.array([1000.0]))[0])
    held = came = fitting = 0
    for _ in range(REPEATS):
        found = planted(curve, rng)
        fitted, told = fit_power_curve(found), foretold(found)
        assert isinstance(fitted, PowerCurve)
        assert isinstance(told, Interval)
        gain = fitted.gain(1000, 1500)
        held += gain.low <= truth <= gain.high
        came += told.low <= found.scores[-1].mean() <= told.high
        fitting += fitted.misfit >= MISFIT
    assert held / REPEATS >= 0.88
    assert came / REPEATS >= 0.88
    assert fitting / REPEATS >= 0.95


def test_a_jump_is_no_such_curve() -> None:
    """Nothing up to 250, then all at once: either the fit or the backtest must fail."""
    rng, told_wrong = np.random.default_rng(3), 0
    for _ in range(50):
        found = planted(lambda n: 20 + 30 * (n > 400) - 15 * (n > 600), rng)
        fitted, told = fit_power_curve(found), foretold(found)
        assert isinstance(fitted, PowerCurve)
        assert isinstance(told, Interval)
        holds = told.low <= found.scores[-1].mean() <= told.high
        told_wrong += holds and fitted.misfit >= MISFIT
    assert told_wrong <= 2


def test_without_noise_the_curve_is_found() -> None:
    curve = CURVES["power law"]
    scores = np.repeat(curve(SIZES)[:, None], 2, axis=1)
    fitted = fit_power_curve(CurveScores(SIZES, scores, np.eye(5) * 1e-6))
    assert isinstance(fitted, PowerCurve)
    assert fitted.gain(1000, 1500).estimate == pytest.approx(0.3, abs=0.01)
    assert fitted.at(250).estimate == pytest.approx(46.4, abs=0.01)


def test_scores_that_never_differ_leave_no_certainty() -> None:
    found = CurveScores(SIZES, np.full((5, 3), 100.0), np.zeros((5, 5)), step=0.5)
    fitted = fit_power_curve(found)
    assert isinstance(fitted, PowerCurve)
    gain = fitted.gain(1000, 1500)
    assert gain.low < 0 < gain.high
    assert 0.05 < gain.high - gain.low < 2.0


def test_the_noise_between_draws_falls_with_size() -> None:
    rng = np.random.default_rng(1)
    scores = rng.normal(size=(5, 200)) * (4.0 * (SIZES / 50.0) ** -0.5)[:, None]
    noise = draw_noise(CurveScores(SIZES, scores, np.zeros((5, 5))))
    assert noise.degrees == 995
    assert noise.variance == pytest.approx(16.0 * 50.0 / SIZES, rel=0.15)


def test_too_few_sizes_or_draws_are_told() -> None:
    found = planted(CURVES["flat"], np.random.default_rng(0))
    assert isinstance(fit_power_curve(found.first(2)), Undefined)
    told = foretold(found.first(3))
    assert isinstance(told, Undefined)
    assert "at least 4" in told.reason
    one = CurveScores(found.sizes, found.scores[:, :1], found.item_covariance)
    assert fit_power_curve(one) == Undefined("one draw per size does not show how much draws differ")
    assert len(one.sizes) >= MIN_SIZES
    assert foretold(one) == fit_power_curve(one)
