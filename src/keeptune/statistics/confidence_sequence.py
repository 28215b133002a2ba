"""Confidence sequences: limits of a mean difference that hold at every number of clusters at once, so that asking may
stop as soon as they decide.

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
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

FloatArray = NDArray[np.float64]

HORIZON = 0.4
"""Share of the planned clusters at which the limits are tightest."""
_MOST_AT_STAKE = 0.9
_EDGE = 1.0 - 1e-9


@dataclass(frozen=True, slots=True)
class Planned:
    """What would be asked of an ability if no verdict came before."""

    items: int
    clusters: int
    largest: int
    """Items of the largest cluster: what the bets must survive."""


@dataclass(frozen=True)
class Bets:
    """Bets against values of the drop Σ differences / Σ sizes over independent clusters, in the order asked."""

    differences: FloatArray
    """[clusters], the summed drops of each cluster's items, as fractions of the scale: −size to size."""
    sizes: FloatArray
    """[clusters], how many items each has."""
    planned: Planned
    """The stakes are tuned for `HORIZON` of its clusters."""
    alpha: float
    """One-sided error that the stakes are tuned for; the p-values hold whatever it is."""

    @cached_property
    def _stakes(self) -> FloatArray:
        """[clusters]: √(2·ln(1/α)/(σ̂²·horizon)) from the clusters before, in the unit of the largest cluster."""
        largest, planned = self.planned.largest, self.planned
        values, sizes = self.differences / largest, self.sizes / largest
        means = np.cumsum(values) / np.cumsum(sizes)
        first = (planned.items / planned.clusters / largest) ** 2 / 4.0
        squares = np.cumsum((values - means * sizes) ** 2)
        variances = (first + np.concatenate([[0.0], squares[:-1]])) / np.arange(1, len(values) + 1)
        horizon = max(HORIZON * planned.clusters, 1.0)
        return np.asarray(np.sqrt(2.0 * math.log(1.0 / self.alpha) / (variances * horizon)))

    def p_above(self, null: float) -> float:
        """Of H0 "the drop is at most `null`", valid at every number of clusters: 1/max Π(1 + λ·Z), where
        Z = (difference − null·size)/largest has mean 0 at the null. Never rises as clusters are added."""
        return self._p(null, 1.0)

    def p_below(self, null: float) -> float:
        """The same of H0 "the drop is at least `null`"."""
        return self._p(null, -1.0)

    def _p(self, null: float, side: float) -> float:
        outcomes = side * (self.differences - null * self.sizes) / self.planned.largest
        stakes = np.minimum(self._stakes, _MOST_AT_STAKE / (1.0 + side * null))
        return math.exp(-max(0.0, float(np.cumsum(np.log1p(stakes * outcomes)).max())))

    def limits(self, alpha: float) -> tuple[float, float]:
        """(low, high): the nulls that neither p-value rejects at `alpha`. Each limit errs with that probability, at
        any time; the limits never move apart as clusters are added."""

        def low(null: float) -> float:
            return math.log(self.p_above(null) / alpha)

        def high(null: float) -> float:
            return math.log(self.p_below(null) / alpha)

        return (
            float(brentq(low, -_EDGE, _EDGE, xtol=1e-6)) if low(-_EDGE) < 0.0 else -1.0,
            float(brentq(high, -_EDGE, _EDGE, xtol=1e-6)) if high(_EDGE) < 0.0 else 1.0,
        )


def anytime_p(z: float, information: float, alpha: float) -> float:
    """One-sided p-value that holds at all numbers of clusters at once: ½·√(1 + v)·exp(−½·z²·v/(1 + v)), z > 0, with
    v = `information`/`HORIZON` times what makes the boundary tightest at the horizon. 1 where z ≤ 0.

    Args:
        information: the share of the planned clusters.
        alpha: the one-sided error that the boundary is tuned for.
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
