"""Shares of items: a paired difference, and its correction for the detector's errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from keeptune.records import Interval, MaybeInterval, Undefined
from keeptune.statistics.clustered_tango import clustered_tango
from keeptune.statistics.flips import count_flips
from keeptune.statistics.jackknife import paired_jackknife
from keeptune.statistics.tango import tango_interval
from keeptune.statistics.wilson import wilson_interval


def share(flags: Sequence[bool]) -> float:
    """Flags that are set, as a fraction of all; there must be one."""
    return float(sum(flags)) / len(flags)


def share_difference(
    before: Sequence[bool], after: Sequence[bool], clusters: Sequence[str], level: float = 0.95
) -> MaybeInterval:
    """share(after) − share(before), paired: Tango's interval, of clustered items at their number over the design
    effect."""
    moves = _moves(before, after)
    if len(set(clusters)) == len(clusters):
        return tango_interval(*moves, len(clusters), level)
    rows = {cluster: row for row, cluster in enumerate(dict.fromkeys(clusters))}
    summed = np.zeros((2, len(rows), 2))
    for side, flags in enumerate((before, after)):
        for flag, cluster in zip(flags, clusters, strict=True):
            summed[side, rows[cluster]] += (100.0 * flag, 1.0)
    sizes = summed[0, :, 1]
    result = paired_jackknife(summed[0], summed[1], lambda counts: float(counts[0] / counts[1]), sizes)
    if isinstance(result, Undefined):
        return result
    return clustered_tango(*moves, len(clusters), replace(result, farthest=100.0)).interval(level)


def _moves(before: Sequence[float], after: Sequence[float]) -> tuple[int, int]:
    flips = count_flips(before, after)
    return flips.rose, flips.fell


def rate_difference(
    hits: float, of_hits: int, false_hits: float, of_false_hits: int, level: float = 0.95
) -> MaybeInterval:
    """hits − false_hits of two independent shares, from their Wilson intervals.

    Newcombe 1998, "Interval estimation for the difference between independent proportions: comparison of eleven
    methods", Statistics in Medicine 17:873-890, method 10.

    Args:
        of_hits: independent observations behind a share: clusters, where items are clustered.
    """
    one = wilson_interval(round(hits * of_hits), of_hits, level)
    other = wilson_interval(round(false_hits * of_false_hits), of_false_hits, level)
    if isinstance(one, Undefined):
        return one
    if isinstance(other, Undefined):
        return other
    difference = hits - false_hits
    low = difference - math.hypot(one.estimate - one.low, other.high - other.estimate)
    high = difference + math.hypot(one.high - one.estimate, other.estimate - other.low)
    return Interval(difference, low, high, level, "Newcombe score interval")


def corrected_share(difference: MaybeInterval, power: MaybeInterval) -> MaybeInterval:
    """difference / (true positive rate − false positive rate), the estimator of Rogan and Gladen 1978.

    Limits by MOVER-R, the errors of both taken in: each solves (d − R·p)² = (d − dₗ)² + R²·(p − pₗ)² with the
    limits dₗ and pₗ that lie on its side (Donner and Zou 2012, Statistical Methods in Medical Research 21:347-359).
    Cut at −1 and 1, since it is a share.
    """
    if isinstance(difference, Undefined):
        return difference
    if isinstance(power, Undefined):
        return power
    if power.low <= 0.0:
        return Undefined("the detector's true positives are not significantly more than its false positives")
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
