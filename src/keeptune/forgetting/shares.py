"""Shares of items: a paired difference, and what is left of it when the detector's own errors are taken out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist

import numpy as np

from keeptune.numerics.jackknife import FloatArray, paired_jackknife
from keeptune.numerics.tango import tango_interval
from keeptune.records import Interval, MaybeInterval, Undefined


def share(flags: Sequence[bool]) -> float:
    """Flags that are set, as a fraction of all; there must be one."""
    return float(sum(flags)) / len(flags)


def share_difference(
    before: Sequence[bool], after: Sequence[bool], clusters: Sequence[str], level: float = 0.95
) -> MaybeInterval:
    """share(after) − share(before), paired: Tango's interval, or where items are clustered the jackknife's."""
    if len(set(clusters)) == len(clusters):
        plus = sum(a and not b for b, a in zip(before, after, strict=True))
        minus = sum(b and not a for b, a in zip(before, after, strict=True))
        return tango_interval(plus, minus, len(clusters), level)
    rows = {cluster: row for row, cluster in enumerate(dict.fromkeys(clusters))}
    summed = np.zeros((2, len(rows), 2))
    for side, flags in enumerate((before, after)):
        for flag, cluster in zip(flags, clusters, strict=True):
            summed[side, rows[cluster]] += (flag, 1.0)

    def statistic(counts: FloatArray) -> float | Undefined:
        return float(counts[0] / counts[1])

    result = paired_jackknife(summed[0], summed[1], statistic)
    return result if isinstance(result, Undefined) else result.interval(level)


def rate_difference(hits: float, of_hits: int, false_hits: float, of_false_hits: int, level: float = 0.95) -> Interval:
    """hits − false_hits of two independent shares, from their Wilson intervals.

    Newcombe 1998, "Interval estimation for the difference between independent proportions: comparison of eleven
    methods", Statistics in Medicine 17:873-890, method 10.
    """
    (low, high), (false_low, false_high) = _wilson(hits, of_hits, level), _wilson(false_hits, of_false_hits, level)
    difference = hits - false_hits
    return Interval(
        difference,
        difference - math.hypot(hits - low, false_high - false_hits),
        difference + math.hypot(high - hits, false_hits - false_low),
        level,
        "Newcombe score interval",
    )


def corrected_share(difference: MaybeInterval, power: Interval) -> MaybeInterval:
    """difference / (true positive rate − false positive rate), the estimator of Rogan and Gladen 1978.

    Limits by MOVER-R, the errors of both taken in: each solves (d − R·p)² = (d − dₗ)² + R²·(p − pₗ)² with the
    limits dₗ and pₗ that lie on its side (Donner and Zou 2012, Statistical Methods in Medical Research 21:347-359).
    Cut at −1 and 1, since it is a share.
    """
    if isinstance(difference, Undefined):
        return difference
    if power.low <= 0.0:
        return Undefined("the detector's true positives are not surely more than its false ones")
    d, p = difference, power
    low = _ratio_limit(d.estimate, d.low, p.estimate, p.high if d.low >= 0 else p.low, min)
    high = _ratio_limit(d.estimate, d.high, p.estimate, p.low if d.high >= 0 else p.high, max)
    estimate, low, high = (max(-1.0, min(1.0, value)) for value in (d.estimate / p.estimate, low, high))
    return Interval(estimate, low, high, d.level, "Rogan-Gladen, MOVER-R")


def _ratio_limit(d: float, d_limit: float, p: float, p_limit: float, side: Callable[[float, float], float]) -> float:
    """The root R of R²·pₗ(2p − pₗ) − 2·R·d·p + dₗ(2d − dₗ) = 0 on its side; 2p > pₗ for the limits of a share."""
    a, half_b, c = p_limit * (2.0 * p - p_limit), d * p, d_limit * (2.0 * d - d_limit)
    if a <= 0.0:
        return side(-1.0, 1.0)
    root = math.sqrt(max(half_b * half_b - a * c, 0.0))
    return side((half_b - root) / a, (half_b + root) / a)


def _wilson(rate: float, n: int, level: float) -> tuple[float, float]:
    """Wilson 1927: the set of shares that a score test does not reject."""
    z2 = NormalDist().inv_cdf(0.5 + level / 2.0) ** 2
    centre, reach = rate + z2 / (2 * n), math.sqrt(z2 * (rate * (1 - rate) / n + z2 / (4 * n * n)))
    return max((centre - reach) / (1 + z2 / n), 0.0), min((centre + reach) / (1 + z2 / n), 1.0)
