"""The drop of one ability: between which limits it lies, and what this much evidence can show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from keeptune.forgetting.paired_scores import Counted, PairedScores, in_points, item_values
from keeptune.numerics.jackknife import MIN_CLUSTERS, MIN_DIFFERING, FloatArray, Jackknife, paired_jackknife
from keeptune.numerics.planning import (
    ALPHA,
    detectable_drop,
    detectable_drop_binary,
    discordant_share,
    items_for_kept,
    items_for_kept_binary,
    items_to_tell,
    items_to_tell_binary,
)
from keeptune.numerics.tango import tango_interval, tango_mid_p_above
from keeptune.numerics.wilson import wilson_interval
from keeptune.records import Interval, MaybeInterval, Undefined, Verdict

FEW_CHANGES = "bound by the share of items that change"
NO_CHANGE = "every item has exactly the same score"


@dataclass(frozen=True, slots=True)
class Drop:
    """In the metric's unit; positive is worse."""

    interval: MaybeInterval
    p_above: float | None
    """One-sided p-value of "the drop is at most the margin"."""
    caveat: str
    """Why no verdict can be had, whatever the limits say; "" where one can."""
    detectable: float | None
    """The true drop that would be called lost with 80 % power."""
    items_to_decide: int | None
    """Items for "kept" with 80 % power if nothing changed."""
    items_as_seen: int | None
    """Items for "kept" or "lost" with 80 % power if the true drop is the one seen."""

    def verdict(self, margin: float) -> Verdict:
        """kept: the upper limit is below the margin; lost: the lower limit is above it, and the p-value says so too."""
        if self.caveat or isinstance(self.interval, Undefined) or self.p_above is None:
            return "inconclusive"
        if self.interval.high < margin:
            return "kept"
        return "lost" if self.interval.low > margin and self.p_above <= ALPHA else "inconclusive"


def measure_drop(scores: PairedScores, margin: float, level: float = 0.95) -> Drop:
    """The drop from before to after, base − tuned, or tuned − base where lower is better.

    Proportions of independent items: Tango's interval. Else the cluster jackknife; where fewer than
    `MIN_DIFFERING` clusters differ, its t interval means nothing and `_few_changes` bounds the drop instead.

    Args:
        level: of the interval; above 0.95 where this is one of several drops of which any may be "kept".
    """
    if scores.items < 2:
        reason = "only one item has a score on both sides" if scores.items else "no item has a score on both sides"
        return _undecidable(Undefined(reason), reason)
    worse = scores.swapped() if scores.metric.higher_is_better else scores
    if scores.proportions:
        flips = worse.flips()
        return binary_drop(flips.rose, flips.fell, worse.items, margin, level)
    counted = worse.counted()
    result = paired_jackknife(*counted)
    if isinstance(result, Undefined):
        return _undecidable(result, result.reason)
    if result.clusters >= MIN_CLUSTERS and result.differing < MIN_DIFFERING:
        return _few_changes(worse, counted, result, margin, level)
    return _jackknife_drop(result, worse.items, margin, level)


def binary_drop(worse: int, better: int, items: int, margin: float, level: float = 0.95) -> Drop:
    """The drop of a proportion, from `worse` items right→wrong and `better` wrong→right; points out of 100."""
    share, fraction = discordant_share(worse, better, items), margin / 100.0
    detectable = detectable_drop_binary(share, items, fraction)
    return Drop(
        interval=in_points(tango_interval(worse, better, items, level)),
        p_above=tango_mid_p_above(worse, better, items, fraction),
        caveat="",
        detectable=None if detectable is None else 100.0 * detectable,
        items_to_decide=items_for_kept_binary(share, fraction),
        items_as_seen=items_to_tell_binary(worse / items, better / items, fraction),
    )


def _jackknife_drop(result: Jackknife, items: int, margin: float, level: float) -> Drop:
    variance = result.clusters * result.standard_error**2
    kept = max(items_for_kept(variance, margin), MIN_CLUSTERS)
    seen = items_to_tell(variance, result.estimate, margin)
    return Drop(
        interval=result.interval(level),
        p_above=None if result.caveat else _p_above(result, margin),
        caveat=result.caveat,
        detectable=None if result.caveat else detectable_drop(variance, result.change_size, result.clusters, margin),
        items_to_decide=_in_items(kept, items, result.clusters),
        items_as_seen=None if seen is None else _in_items(max(seen, MIN_CLUSTERS), items, result.clusters),
    )


def _p_above(result: Jackknife, margin: float) -> float:
    p = result.p_above(margin)
    if isinstance(p, Undefined):  # every cluster left out gives the same drop: it is that drop
        return 0.0 if result.estimate > margin else 1.0
    return p


def _few_changes(worse: PairedScores, counted: Counted, result: Jackknife, margin: float, level: float) -> Drop:
    """The drop where fewer than `MIN_DIFFERING` clusters differ, none perhaps.

    The share of clusters that would differ is at most U, Wilson's upper limit, and none can fall by more than
    all 100 points of its own share of the corpus: the drop is at most 100·U·w, w the heaviest cluster's weight
    by the mean one. A loss has no such bound; only where it is the same to the last digit on every text, which
    no change of the weights leaves it, the two models are taken as the same.
    """
    if worse.metric.unit == "nats" and result.differing == 0:
        return Drop(Interval(0.0, 0.0, 0.0, level, NO_CHANGE), 1.0, "", None, None, None)
    share = wilson_interval(result.differing, result.clusters, level)
    values = np.array([item_values(worse.before), item_values(worse.after)])
    bounded = worse.metric.unit == "points" and values.min() >= 0.0 and values.max() <= 100.0
    if isinstance(share, Undefined) or not bounded:
        return _jackknife_drop(result, worse.items, margin, level)
    reach = max(100.0 * share.high * _heaviest(worse, counted, values), abs(result.estimate))
    discordant, fraction = discordant_share(result.differing, 0, result.clusters), margin / 100.0
    detectable = detectable_drop_binary(discordant, result.clusters, fraction)
    return Drop(
        interval=Interval(result.estimate, -reach, reach, level, FEW_CHANGES),
        p_above=1.0,
        caveat="",
        detectable=None if detectable is None else 100.0 * detectable,
        items_to_decide=_in_items(items_for_kept_binary(discordant, fraction), worse.items, result.clusters),
        items_as_seen=None,
    )


def _heaviest(worse: PairedScores, counted: Counted, values: FloatArray) -> float:
    """The weight of the heaviest cluster by the mean one: in items where the corpus score is their mean, else in what
    is counted, so that a long answer weighs more."""
    corpus = worse.corpus()
    is_mean = all(isinstance(c, float) and abs(c - v.mean()) < 1e-9 for c, v in zip(corpus, values, strict=True))
    all_counts = np.maximum(counted.before.sum(axis=1), counted.after.sum(axis=1))
    weights = counted.before[:, -1] if is_mean else all_counts
    return float(weights.max() / weights.mean())


def _in_items(clusters: int, items: int, of_clusters: int) -> int:
    return -(-clusters * items // of_clusters)


def _undecidable(interval: MaybeInterval, caveat: str) -> Drop:
    return Drop(interval, None, caveat, None, None, None)
