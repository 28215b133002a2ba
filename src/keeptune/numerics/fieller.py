"""Fieller's interval for the ratio of two estimates that are correlated.

Fieller 1954, "Some problems in interval estimation", Journal of the Royal Statistical Society B 16:175-185; Franz
2007, "Ratios: a short guide to confidence limits and proper use", arXiv:0710.2024.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from scipy.special import stdtrit

from keeptune.records import Interval, MaybeInterval, Undefined

METHOD = "Fieller, t"


class PairedMoments(NamedTuple):
    """Two estimates, with the variances and the covariance of the estimates themselves, not of single items."""

    numerator: float
    denominator: float
    numerator_variance: float
    denominator_variance: float
    covariance: float


def fieller_interval(moments: PairedMoments, degrees: int, level: float = 0.95) -> MaybeInterval:
    """All ρ for which a − ρ·b differs from 0 by at most t of its own standard errors.

    With a, b the estimates, Vaa, Vbb, Vab their variances and covariance, t the quantile of Student's
    distribution with `degrees` degrees: (a² − t²Vaa) − 2ρ(ab − t²Vab) + ρ²(b² − t²Vbb) ≤ 0. It is an interval
    only where b is clearly not zero (b² > t²Vbb); otherwise `Undefined`.
    """
    a, b, vaa, vbb, vab = moments
    if degrees < 1:
        return Undefined("a ratio needs at least 2 independent observations")
    t_squared = float(stdtrit(degrees, 0.5 + level / 2.0)) ** 2
    square, middle, constant = b * b - t_squared * vbb, a * b - t_squared * vab, a * a - t_squared * vaa
    if square <= 0.0:
        return Undefined("the denominator is not clearly different from 0")
    # Never negative where b is clearly not 0, but for rounding.
    root = math.sqrt(max(middle * middle - square * constant, 0.0))
    low, high = (middle - root) / square, (middle + root) / square
    return Interval(a / b, min(low, a / b), max(high, a / b), level, METHOD)
