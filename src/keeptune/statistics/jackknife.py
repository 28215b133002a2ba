"""The leave-one-cluster-out jackknife of a corpus score, and of the paired difference between two.

Quenouille 1956; Tukey 1958; Efron and Stein 1981, "The jackknife estimate of variance", Annals of Statistics
9.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from keeptune.records import Interval, Undefined
from keeptune.statistics.score_test import outward, score_z

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Statistic = Callable[[FloatArray], "float | Undefined"]
"""The corpus score from one row of summed counts."""

METHOD = "cluster jackknife, score test"
MIN_CLUSTERS = 30
MIN_EFFECTIVE = 10
"""Clusters of equal size that would tell as much: fewer are too few, however many there are."""
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
    pseudo: FloatArray = field(repr=False, compare=False)
    """[clusters]: θ + (J − 1)·(θ̄ − θ₍ⱼ₎); of a mean over clusters of one item, the items' own values."""
    effective: float
    """(Σn)²/Σn² of the clusters' sizes n: clusters of equal size that would tell as much."""
    farthest: float | None = None
    """How far a cluster that has not changed could move a pseudo-value; None of scores without a bound."""

    @property
    def caveat(self) -> str:
        """Why this is too little for a verdict: too few clusters, effective ones, or ones that differ; else empty."""
        if self.too_few_clusters:
            return self.too_few_clusters
        if self.few_differ and self.farthest is None:
            return f"only {self.differing} of {self.clusters} clusters differ: {TOO_FEW}"
        return ""

    @property
    def too_few_clusters(self) -> str:
        if self.clusters < MIN_CLUSTERS:
            return f"only {self.clusters} clusters: {TOO_FEW}"
        if self.effective < MIN_EFFECTIVE:
            return f"{self.clusters} clusters so unequal that they are worth {self.effective:.1f}: {TOO_FEW}"
        return ""

    @property
    def few_differ(self) -> bool:
        return self.differing < MIN_DIFFERING

    @property
    def degrees(self) -> float:
        """Of Student's t: the effective clusters less one."""
        return max(self.effective - 1.0, 1.0)

    @property
    def change_size(self) -> float:
        """Σ|δ|³/Σδ² of the pseudo-values δ: how far a cluster that changes much moves (of a mean over items that flip
        by 100, it is 100). For planning."""
        moved = float((self.pseudo**2).sum())
        return float((np.abs(self.pseudo) ** 3).sum()) / moved if moved else 0.0

    def z(self, null: float, beyond: float = 1.0) -> float:
        """The score statistic of H0 "it is `null`"; see `score_z`. It falls as `null` grows.

        The largest change that could have been seen is the largest that was, times √(J/effective), of scores without a
        bound J/effective: a heavier cluster than the one that moved farthest might have moved. Where fewer than 10
        effective clusters differ, it is rather `farthest`, by the share of those 10 that are missing.

        Args:
            beyond: how many times as far as the farthest seen a value might lie.
        """
        unequal = self.clusters / self.effective
        up = float(np.abs(self.pseudo).max()) * (unequal if self.farthest is None else math.sqrt(unequal)) * beyond
        down = float(min(self.pseudo.min(), 0.0))
        if self.farthest is not None:
            seen = min(self.differing / (MIN_DIFFERING * unequal), 1.0)
            up, down = seen * up + (1.0 - seen) * self.farthest, seen * down - (1.0 - seen) * self.farthest
        return float(score_z(self.pseudo, self.estimate, null, up, down))

    def null_variance(self, margin: float) -> float:
        """J·SE² as `z` takes it under H0 "it is `margin`", were the estimate 0: for planning."""
        centred = replace(self, estimate=0.0, pseudo=self.pseudo - self.estimate)
        z = centred.z(margin)
        return (margin / z) ** 2 * self.clusters if z else 0.0

    def interval(self, level: float = 0.95, beyond: float = 1.0) -> Interval:
        """All nulls with |z| ≤ t; `method` states a caveat."""
        method = f"{METHOD}; {self.caveat}" if self.caveat else METHOD
        t = float(stdtrit(self.degrees, 0.5 + level / 2.0))
        step = t * self.standard_error
        if step == 0.0:
            step = (self.farthest or 0.0) / self.clusters
        if step == 0.0:
            return Interval(self.estimate, self.estimate, self.estimate, level, method)
        low, high = (outward(lambda null: self.z(null, beyond), self.estimate, side, t) for side in (-step, step))
        return Interval(self.estimate, low, high, level, method)

    def p_above(self, margin: float) -> float | Undefined:
        """One-sided p-value of H0 "the difference is at most `margin`", by Student t."""
        if self.standard_error == 0.0:
            return Undefined("every leave-one-out difference is the same")
        return float(stdtr(self.degrees, -self.z(margin)))


def too_few(interval: Interval) -> bool:
    """Whether `Jackknife.interval` marked it as too little for a verdict, whatever its limits say."""
    return interval.method.endswith(TOO_FEW)


def effective_number(sizes: FloatArray) -> float:
    """(Σn)²/Σn²: how many of equal size would tell as much. Kish 1965, "Survey Sampling"."""
    squared = float((sizes**2).sum())
    return float(sizes.sum()) ** 2 / squared if squared else 0.0


def paired_jackknife(
    before: FloatArray, after: FloatArray, statistic: Statistic, sizes: FloatArray | None = None
) -> Jackknife | Undefined:
    """SE² = (J − 1)/J · Σⱼ (θ₍ⱼ₎ − θ̄)² of θ = statistic(Σ after) − statistic(Σ before), with cluster j left
    out of both sums for θ₍ⱼ₎. For the plain mean of one item a cluster this is s/√n of the paired
    differences.

    Args:
        before: [clusters, counts], the counts of each cluster's items, summed.
        after: the same clusters, in the same order.
        statistic: maps summed counts [counts] to the score.
        sizes: [clusters], what each weighs in the score; None where all weigh the same.
    """
    difference = paired_left_out(before, after, statistic)
    if isinstance(difference, Undefined):
        return difference
    return _jackknife(difference, int(np.any(before != after, axis=1).sum()), sizes)


def _jackknife(found: LeftOut, differing: int, sizes: FloatArray | None) -> Jackknife:
    clusters = len(found.left_out)
    return Jackknife(
        estimate=found.whole,
        standard_error=math.sqrt(jackknife_variance(found.left_out)),
        clusters=clusters,
        differing=differing,
        pseudo=_pseudo(found),
        effective=float(clusters) if sizes is None else effective_number(sizes),
    )


def _pseudo(found: LeftOut) -> FloatArray:
    moved = found.left_out.mean() - found.left_out
    return np.asarray(found.whole + (len(moved) - 1) * moved, dtype=np.float64)


def paired_left_out(before: FloatArray, after: FloatArray, statistic: Statistic) -> LeftOut | Undefined:
    """The difference after − before, of all clusters and of all but each one; arguments as in `paired_jackknife`."""
    both = _both(before, after, statistic)
    if isinstance(both, Undefined):
        return both
    first, second = both
    return LeftOut(second.whole - first.whole, second.left_out - first.left_out, np.any(before != after, axis=1))


def score_jackknife(counts: FloatArray, statistic: Statistic, sizes: FloatArray | None = None) -> Jackknife | Undefined:
    """The same for one score, of `counts` [clusters, counts]."""
    score = _leave_one_out(counts, statistic)
    return score if isinstance(score, Undefined) else _jackknife(score, len(score.left_out), sizes)


def paired_ratio(
    before: FloatArray, after: FloatArray, statistic: Statistic, sizes: FloatArray, floor: float
) -> Callable[[float], Jackknife] | Undefined:
    """ρ → the jackknife of ρ·(before − floor) − (after − floor), which is 0 where ρ is the true ratio."""
    both = _both(before, after, statistic)
    if isinstance(both, Undefined):
        return both
    below, above = both
    differing = int(np.any(before != after, axis=1).sum())

    def at(ratio: float) -> Jackknife:
        whole = ratio * (below.whole - floor) - (above.whole - floor)
        return _jackknife(LeftOut(whole, ratio * below.left_out - above.left_out), differing, sizes)

    return at


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


def jackknife_variance(left_out: FloatArray) -> float:
    """(J − 1)/J · Σⱼ (θ₍ⱼ₎ − θ̄)²."""
    return (len(left_out) - 1) * float(left_out.var())
