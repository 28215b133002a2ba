"""The scores of one metric on two sides, item by item, and the difference between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from keeptune.errors import MetricError
from keeptune.records import EvalRecord, Interval, ItemScore, MaybeInterval, Undefined
from keeptune.scoring.metric import Metric, corpus_score, refuse_not_finite
from keeptune.statistics.clustered_tango import clustered_tango
from keeptune.statistics.flips import Flips, count_flips
from keeptune.statistics.jackknife import FloatArray, Jackknife, Statistic, effective_number, paired_jackknife
from keeptune.statistics.tango import tango_interval


class Counted(NamedTuple):
    """What the jackknife takes: counts [clusters, counts] before and after, the score of a row of them, and what each
    cluster weighs in it."""

    before: FloatArray
    after: FloatArray
    statistic: Statistic
    sizes: FloatArray


@dataclass(frozen=True, slots=True)
class PairedScores:
    """Items with a score on both sides, in one order; those without one on either side are only counted."""

    metric: Metric
    before: tuple[ItemScore, ...]
    after: tuple[ItemScore, ...]
    clusters: tuple[str, ...]
    """The cluster of each item."""
    unscored: int

    @property
    def items(self) -> int:
        return len(self.clusters)

    @property
    def proportions(self) -> bool:
        """Whether both scores are proportions of independent items: binary, and every item its own cluster."""
        return self.metric.binary and len(set(self.clusters)) == self.items

    def swapped(self) -> PairedScores:
        """The same from the other side."""
        return replace(self, before=self.after, after=self.before)

    def flips(self) -> Flips:
        return count_flips(item_values(self.before), item_values(self.after))

    def corpus(self) -> tuple[float | Undefined, float | Undefined]:
        """The corpus scores before and after."""
        return corpus_score(self.metric, self.before), corpus_score(self.metric, self.after)

    def counted(self) -> Counted:
        names = count_names((*self.before, *self.after))
        before = sum_by_cluster(self.before, self.clusters, names)
        after = sum_by_cluster(self.after, self.clusters, names)
        return Counted(before, after, corpus_statistic(self.metric, names), self._sizes(before, after))

    def _is_mean(self) -> bool:
        """Whether the corpus score is the mean of the items' own."""
        sides = zip(self.corpus(), (self.before, self.after), strict=True)
        return all(isinstance(c, float) and abs(c - float(np.mean(item_values(own)))) < 1e-9 for c, own in sides)

    def _sizes(self, before: FloatArray, after: FloatArray) -> FloatArray:
        """What each cluster weighs: its items where the corpus score is their mean, else what is counted, so that a
        long answer weighs more."""
        return before[:, -1] if self._is_mean() else np.maximum(before.sum(axis=1), after.sum(axis=1))

    def jackknife(self) -> Jackknife | Undefined:
        """Of after − before, whatever the metric."""
        found = paired_jackknife(*self.counted())
        return found if isinstance(found, Undefined) else replace(found, farthest=self.farthest())

    def farthest(self) -> float | None:
        """How far a cluster that has not changed could move the score, were it a mean of clusters: by 100 points of its
        weight. None of scores outside 0 to 100, which have no such bound.

        Of a mean it is the weight of the cluster that a typical item is in, Σn²/(n̄·Σn): with nothing changed, as much
        is told as by (Σn)²/Σn² clusters of one size. An answer in a corpus score can weigh more than any that was seen:
        the heaviest is taken.
        """
        values = [*item_values(self.before), *item_values(self.after)]
        if self.metric.unit != "points" or min(values) < 0.0 or max(values) > 100.0:
            return None
        sizes = self.counted().sizes
        if self._is_mean():
            return 100.0 * len(sizes) / effective_number(sizes)
        return 100.0 * float(sizes.max() / sizes.mean())

    def difference(self) -> MaybeInterval:
        """after − before, 95 %: see `worsening`."""
        worse = self.swapped() if self.metric.higher_is_better else self
        found = worse.worsening(0.95)
        if isinstance(found, Undefined) or worse is self:
            return found
        return Interval(-found.estimate, -found.high, -found.low, found.level, found.method)

    def worsening(self, level: float) -> MaybeInterval:
        """after − before where more is worse: Tango's interval of proportions, at their number over the design effect
        where they are clustered; else the score test of the cluster jackknife."""
        if self.proportions:
            flips = self.flips()
            return in_points(tango_interval(flips.rose, flips.fell, self.items, level))
        found = self.jackknife()
        if isinstance(found, Undefined):
            return found
        if self.metric.binary:
            flips = self.flips()
            return in_points(clustered_tango(flips.rose, flips.fell, self.items, found).interval(level))
        return found.interval(level)


def paired_scores(pairs: Sequence[tuple[EvalRecord, EvalRecord]], metric: Metric) -> PairedScores:
    """The scores of joined records.

    Raises:
        MetricError: a record was not scored by this metric.
    """
    scores = [(score_of(before, metric), score_of(after, metric), before.cluster) for before, after in pairs]
    scored = [each for each in scores if each[0].value is not None and each[1].value is not None]
    return PairedScores(
        metric=metric,
        before=tuple(before for before, _, _ in scored),
        after=tuple(after for _, after, _ in scored),
        clusters=tuple(cluster for _, _, cluster in scored),
        unscored=len(pairs) - len(scored),
    )


def score_of(record: EvalRecord, metric: Metric) -> ItemScore:
    """A record's score by one metric.

    Raises:
        MetricError: it was not scored by it, or its score is no finite number.
    """
    if metric.name not in record.scores:
        raise MetricError(
            f"item {record.item_id} was not scored by {metric.name}, only by {', '.join(record.scores) or 'no metric'}",
            "score the records by this metric first",
        )
    score = record.scores[metric.name]
    refuse_not_finite(score, metric, f"item {record.item_id}")
    return score


def item_values(scores: Sequence[ItemScore]) -> list[float]:
    return [score.value for score in scores if score.value is not None]


def count_names(scores: Sequence[ItemScore]) -> list[str]:
    """The names of all counts: the columns of `sum_by_cluster`."""
    return sorted({name for score in scores for name in score.counts})


def sum_by_cluster(scores: Sequence[ItemScore], clusters: Sequence[str], names: Sequence[str]) -> FloatArray:
    """[clusters, counts + 1]: each cluster's summed counts, its number of items last."""
    rows = {cluster: row for row, cluster in enumerate(dict.fromkeys(clusters))}
    summed: FloatArray = np.zeros((len(rows), len(names) + 1))
    counts = [[*(score.counts.get(name, 0.0) for name in names), 1.0] for score in scores]
    np.add.at(summed, [rows[cluster] for cluster in clusters], np.array(counts).reshape(-1, len(names) + 1))
    return summed


def corpus_statistic(metric: Metric, names: Sequence[str]) -> Statistic:
    """The corpus score of a row of `sum_by_cluster`, or of a sum of rows."""

    def statistic(summed: FloatArray) -> float | Undefined:
        *counts, items = summed.tolist()
        return metric.corpus(dict(zip(names, counts, strict=True)), round(items))

    return statistic


def in_points(fraction: MaybeInterval) -> MaybeInterval:
    """A fraction as points out of 100."""
    if isinstance(fraction, Undefined):
        return fraction
    f = fraction
    return Interval(100.0 * f.estimate, 100.0 * f.low, 100.0 * f.high, f.level, f.method)
