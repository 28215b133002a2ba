"""Fieller's interval for the ratio of two estimates that are correlated.

Fieller 1954, "Some problems in interval estimation", Journal of the Royal Statistical Society B 16:175-185; Franz
2007, "Ratios: a short guide to confidence limits and proper use", arXiv:0710.2024. Fieller takes normal errors; here
the difference ρ·b − a is tested by the score test of `Jackknife.z`, which needs none.
"""

from __future__ import annotations

from collections.abc import Callable

from scipy.special import stdtrit

from keeptune.records import Interval, MaybeInterval, Undefined
from keeptune.statistics.jackknife import Jackknife
from keeptune.statistics.score_test import outward

METHOD = "Fieller, score test"
UNCLEAR = Undefined("the denominator is not clearly above 0")

_FAR = 1e6
"""A ratio at which ρ·b − a is ρ·b, to six digits."""


def fieller_interval(difference: Callable[[float], Jackknife], level: float = 0.95) -> MaybeInterval:
    """All ρ for which ρ·b − a, ρ → its jackknife, differs from 0 by at most t of its standard errors.

    It is an interval only where b > 0, and so clearly that the same test tells it from 0; otherwise `Undefined`.
    """
    numerator = difference(0.0)
    a, b = -numerator.estimate, difference(1.0).estimate - numerator.estimate
    t = float(stdtrit(numerator.degrees, 0.5 + level / 2.0))

    def z(ratio: float) -> float:
        return difference(ratio).z(0.0)

    if b <= 0.0 or z(_FAR) < t or z(-_FAR) > -t:
        return UNCLEAR
    step = max(t * difference(a / b).standard_error / b, 1e-6)
    return Interval(a / b, outward(z, a / b, -step, t), outward(z, a / b, step, t), level, METHOD)
