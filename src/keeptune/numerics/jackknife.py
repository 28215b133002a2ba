"""The leave-one-cluster-out jackknife of a paired difference between two corpus scores.

Quenouille 1956; Tukey 1958; Efron and Stein 1981, "The jackknife estimate of variance", Annals of Statistics
9.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from keeptune.records import Interval, Undefined

FloatArray = NDArray[np.float64]
Statistic = Callable[[FloatArray], "float | Undefined"]
"""The corpus score from one row of summed counts."""

METHOD = "cluster jackknife, t"
MIN_CLUSTERS = 30
MIN_DIFFERING = 10
TOO_FEW = "too few for a verdict"


@dataclass(frozen=True, slots=True)
class Jackknife:
    """A paired difference after − before, in the statistic's own unit, with its standard error."""

    estimate: float
    standard_error: float
    clusters: int
    differing: int
    """Clusters whose counts differ between before and after."""

    @property
    def caveat(self) -> str:
        """Why this is too little for a verdict: under 30 clusters, or under 10 that differ; else empty."""
        if self.clusters < MIN_CLUSTERS:
            return f"only {self.clusters} clusters: {TOO_FEW}"
        if self.differing < MIN_DIFFERING:
            return f"only {self.differing} of {self.clusters} clusters differ: {TOO_FEW}"
        return ""

    def interval(self, level: float = 0.95) -> Interval:
        """estimate ± t·SE with clusters − 1 degrees of freedom; a caveat is told in `method`."""
        reach = float(stdtrit(self.clusters - 1, 0.5 + level / 2.0)) * self.standard_error
        method = f"{METHOD}; {self.caveat}" if self.caveat else METHOD
        return Interval(self.estimate, self.estimate - reach, self.estimate + reach, level, method)

    def p_above(self, margin: float) -> float | Undefined:
        """One-sided p-value of H0 "the difference is at most `margin`", by Student t."""
        if self.standard_error == 0.0:
            return Undefined("every leave-one-out difference is the same")
        return float(stdtr(self.clusters - 1, -(self.estimate - margin) / self.standard_error))


def too_few(interval: Interval) -> bool:
    """Whether `Jackknife.interval` marked it as too little for a verdict, whatever its limits say."""
    return interval.method.endswith(TOO_FEW)


def paired_jackknife(before: FloatArray, after: FloatArray, statistic: Statistic) -> Jackknife | Undefined:
    """SE² = (J − 1)/J · Σⱼ (θ₍ⱼ₎ − θ̄)² of θ = statistic(Σ after) − statistic(Σ before), with cluster j left
    out of both sums for θ₍ⱼ₎. For the plain mean of one item a cluster this is s/√n of the paired
    differences.

    Args:
        before: [clusters, counts], the counts of each cluster's items, summed.
        after: the same clusters, in the same order.
        statistic: maps summed counts [counts] to the score.
    """
    if before.shape != after.shape or before.ndim != 2:
        raise ValueError(f"need two equal shapes [clusters, counts], got {before.shape} and {after.shape}")
    clusters = before.shape[0]
    if clusters < 2:
        return Undefined(f"{clusters} cluster{'' if clusters == 1 else 's'}: an interval needs at least 2")
    whole = _difference(before.sum(axis=0), after.sum(axis=0), statistic)
    if isinstance(whole, Undefined):
        return whole
    before_rest, after_rest = before.sum(axis=0) - before, after.sum(axis=0) - after
    replicates = np.empty(clusters)
    for j in range(clusters):
        left_out = _difference(before_rest[j], after_rest[j], statistic)
        if isinstance(left_out, Undefined):
            return Undefined(f"with one cluster left out: {left_out.reason}")
        replicates[j] = left_out
    spread = float(np.sum((replicates - replicates.mean()) ** 2))
    return Jackknife(
        estimate=whole,
        standard_error=math.sqrt((clusters - 1) / clusters * spread),
        clusters=clusters,
        differing=int(np.any(before != after, axis=1).sum()),
    )


def _difference(before: FloatArray, after: FloatArray, statistic: Statistic) -> float | Undefined:
    score_before, score_after = statistic(before), statistic(after)
    if isinstance(score_before, Undefined):
        return score_before
    if isinstance(score_after, Undefined):
        return score_after
    return score_after - score_before
