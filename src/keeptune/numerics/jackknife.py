"""The leave-one-cluster-out jackknife of a corpus score, and of the paired difference between two.

Quenouille 1956; Tukey 1958; Efron and Stein 1981, "The jackknife estimate of variance", Annals of Statistics
9.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from keeptune.numerics.fieller import PairedMoments
from keeptune.records import Interval, Undefined

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Statistic = Callable[[FloatArray], "float | Undefined"]
"""The corpus score from one row of summed counts."""

METHOD = "cluster jackknife, t"
MIN_CLUSTERS = 30
MIN_DIFFERING = 10
TOO_FEW = "too few for a verdict"


class LeftOut(NamedTuple):
    """A score of all clusters, and [clusters] of all but each one."""

    whole: float
    left_out: FloatArray
    differ: BoolArray | None = None
    """[clusters]: of a difference, those whose counts are not the same before and after; None where not known."""


@dataclass(frozen=True, slots=True)
class Jackknife:
    """A score, or a paired difference after − before, in the statistic's own unit, with its standard error."""

    estimate: float
    standard_error: float
    clusters: int
    differing: int
    """Clusters whose counts differ between before and after; of a single score, all of them."""
    change_size: float = 0.0
    """Σ|δ|³/Σδ² of the pseudo-values δ = J·θ − (J − 1)·θ₍ⱼ₎: how far a cluster that changes much moves (of a mean over
    items that flip by 100, it is 100). For planning."""

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
    difference = paired_left_out(before, after, statistic)
    if isinstance(difference, Undefined):
        return difference
    estimate, differences = difference.whole, difference.left_out
    clusters = before.shape[0]
    pseudo = clusters * estimate - (clusters - 1) * differences
    moved = float((pseudo**2).sum())
    return Jackknife(
        estimate=estimate,
        standard_error=math.sqrt(_covariance(differences, differences)),
        clusters=clusters,
        differing=int(np.any(before != after, axis=1).sum()),
        change_size=float((np.abs(pseudo) ** 3).sum()) / moved if moved else 0.0,
    )


def paired_left_out(before: FloatArray, after: FloatArray, statistic: Statistic) -> LeftOut | Undefined:
    """The difference after − before, of all clusters and of all but each one; arguments as in `paired_jackknife`."""
    both = _both(before, after, statistic)
    if isinstance(both, Undefined):
        return both
    first, second = both
    return LeftOut(second.whole - first.whole, second.left_out - first.left_out, np.any(before != after, axis=1))


def score_jackknife(counts: FloatArray, statistic: Statistic) -> Jackknife | Undefined:
    """The same for one score, of `counts` [clusters, counts]."""
    score = _leave_one_out(counts, statistic)
    if isinstance(score, Undefined):
        return score
    clusters = counts.shape[0]
    return Jackknife(score.whole, math.sqrt(_covariance(score.left_out, score.left_out)), clusters, clusters)


def paired_moments(before: FloatArray, after: FloatArray, statistic: Statistic) -> PairedMoments | Undefined:
    """Both scores with their jackknife variances and covariance: `after` above, `before` below, for a ratio."""
    both = _both(before, after, statistic)
    if isinstance(both, Undefined):
        return both
    below, above = both
    return PairedMoments(
        numerator=above.whole,
        denominator=below.whole,
        numerator_variance=_covariance(above.left_out, above.left_out),
        denominator_variance=_covariance(below.left_out, below.left_out),
        covariance=_covariance(above.left_out, below.left_out),
    )


def _both(before: FloatArray, after: FloatArray, statistic: Statistic) -> tuple[LeftOut, LeftOut] | Undefined:
    if before.shape != after.shape or before.ndim != 2:
        raise ValueError(f"need two equal shapes [clusters, counts], got {before.shape} and {after.shape}")
    first, second = _leave_one_out(before, statistic), _leave_one_out(after, statistic)
    if isinstance(first, Undefined):
        return first
    return second if isinstance(second, Undefined) else (first, second)


def _leave_one_out(counts: FloatArray, statistic: Statistic) -> LeftOut | Undefined:
    clusters = counts.shape[0]
    if clusters < 2:
        return Undefined(f"{clusters} cluster{'' if clusters == 1 else 's'}: an interval needs at least 2")
    total = counts.sum(axis=0)
    whole = statistic(total)
    if isinstance(whole, Undefined):
        return whole
    replicates = np.empty(clusters)
    for j, rest in enumerate(total - counts):
        left_out = statistic(rest)
        if isinstance(left_out, Undefined):
            return Undefined(f"with one cluster left out: {left_out.reason}")
        replicates[j] = left_out
    return LeftOut(whole, replicates)


def _covariance(first: FloatArray, second: FloatArray) -> float:
    """(J − 1)/J · Σⱼ (θ₍ⱼ₎ − θ̄)(φ₍ⱼ₎ − φ̄)."""
    clusters = len(first)
    return float((clusters - 1) / clusters * np.sum((first - first.mean()) * (second - second.mean())))
