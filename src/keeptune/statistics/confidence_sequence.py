"""Confidence sequences: limits of a mean difference that hold at every number of clusters at once, so that evaluation
may stop as soon as they decide.

`Bets` is the betting sequence of Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables by
betting", Journal of the Royal Statistical Society B 86:1-27: exact for any scores between 0 and 1. Scores without such
a bound have an asymptotic one, `anytime_p` and `anytime_z`: the normal mixture boundary (Robbins 1970, Annals of
Mathematical Statistics 41:1397-1409) on the z of an estimate that is asymptotically a mean (Waudby-Smith, Arbour,
Sinha, Kennedy and Ramdas 2024, "Time-uniform central limit theory and asymptotic confidence sequences", Annals of
Statistics 52:2613-2640).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

FloatArray = NDArray[np.float64]

HORIZON = 0.4
"""Share of the planned clusters at which the limits are tuned to be tightest."""
_MOST_AT_STAKE = 0.9
_EDGE = 1.0 - 1e-9


@dataclass(frozen=True, slots=True)
class Planned:
    """All items of an ability that may be evaluated."""

    items: int
    clusters: int
    largest: int
    """Items of the largest cluster; the bets must survive it."""


@dataclass(frozen=True, slots=True)
class Bets:
    """Bets against values of the drop Σ differences / Σ sizes over independent clusters, in the order of evaluation."""

    differences: FloatArray
    """[..., clusters], the summed drops of each cluster's items as fractions of the scale, from −size to size."""
    sizes: FloatArray
    """[..., clusters], the number of items in each."""
    planned: Planned
    """The stakes are tuned for `HORIZON` of its clusters."""
    alpha: float
    """One-sided error that the stakes are tuned for. The p-values are valid whatever it is."""

    def running_p(self, null: float, side: float) -> FloatArray:
        """[..., clusters]: p-values of H0 "the drop is at most `null`" (`side` 1) or "at least `null`" (−1).

        After t clusters it is 1/max Π(1 + λ·Z) over all numbers of clusters up to t. Z = ±(difference −
        null·size)/largest has mean 0 at the null. λ = √(2·ln(1/α)/(σ̂²·horizon)) with σ̂² of the clusters before, small
        enough that no cluster costs more than 90 % of the capital.
        """
        largest, planned = self.planned.largest, self.planned
        values, sizes = self.differences / largest, self.sizes / largest
        means = np.cumsum(values, axis=-1) / np.cumsum(sizes, axis=-1)
        squares = np.roll(np.cumsum((values - means * sizes) ** 2, axis=-1), 1, axis=-1)
        squares[..., 0] = 0.0
        first = (planned.items / planned.clusters / largest) ** 2 / 4.0
        variances = (first + squares) / np.arange(1, values.shape[-1] + 1)
        stakes = np.sqrt(2.0 * math.log(1.0 / self.alpha) / (variances * HORIZON * planned.clusters))
        stakes = np.minimum(stakes, _MOST_AT_STAKE / (1.0 + side * null))
        capital = np.cumsum(np.log1p(stakes * side * (values - null * sizes)), axis=-1)
        return np.asarray(np.exp(-np.maximum.accumulate(np.maximum(capital, 0.0), axis=-1)))

    def p_above(self, null: float) -> float:
        """p-value of H0 "the drop is at most `null`", valid at every number of clusters."""
        return float(self.running_p(null, 1.0)[-1])

    def p_below(self, null: float) -> float:
        """p-value of H0 "the drop is at least `null`", valid at every number of clusters."""
        return float(self.running_p(null, -1.0)[-1])

    def limits(self, alpha: float) -> tuple[float, float]:
        """(low, high): the nulls that neither p-value rejects at `alpha`, which is the error of each limit over all
        numbers of clusters. More clusters never move the limits apart."""

        def low(null: float) -> float:
            return math.log(self.p_above(null) / alpha)

        def high(null: float) -> float:
            return math.log(self.p_below(null) / alpha)

        return (
            float(brentq(low, -_EDGE, _EDGE, xtol=1e-6)) if low(-_EDGE) < 0.0 else -1.0,
            float(brentq(high, -_EDGE, _EDGE, xtol=1e-6)) if high(_EDGE) < 0.0 else 1.0,
        )


def anytime_p(z: float, information: float, alpha: float) -> float:
    """One-sided p-value of a `z` that is valid at all numbers of clusters: ½·√(1 + v)·exp(−½·z²·v/(1 + v)) for z > 0,
    else 1. v is proportional to `information`; its scale makes the boundary tightest at `HORIZON`.

    Args:
        information: share of the planned clusters that was evaluated.
        alpha: one-sided error that the boundary is tuned for.
    """
    if z <= 0.0:
        return 1.0
    v = _mixed(information, alpha)
    return min(1.0, 0.5 * math.sqrt(1.0 + v) * math.exp(-0.5 * z * z * v / (1.0 + v)))


def anytime_z(information: float, alpha: float) -> float:
    """The z with `anytime_p` = alpha."""
    v = _mixed(information, alpha)
    return math.sqrt((1.0 + 1.0 / v) * 2.0 * math.log(math.sqrt(1.0 + v) / (2.0 * alpha)))


def _mixed(information: float, alpha: float) -> float:
    odds = 2.0 * math.log(0.5 / alpha)
    return information / HORIZON * (odds + math.log(1.0 + odds))
