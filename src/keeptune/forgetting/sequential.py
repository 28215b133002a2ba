"""The drop of an ability that is evaluated in blocks until its verdict is decided.

The error of a verdict is divided: the confidence sequence that stops the evaluation early may spend the share `EARLY`,
the usual verdict on all items, if it never stopped, the rest. Both together are wrong as rarely as the usual verdict
alone (Bonferroni). An ability that is evaluated in full has its verdict at 97 % instead of 95 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from scipy.special import ndtr, ndtri

from keeptune.forgetting.change import change_of, p_of_none
from keeptune.forgetting.compare import Pair
from keeptune.forgetting.drop import Drop
from keeptune.forgetting.paired_scores import PairedScores, item_values, paired_scores
from keeptune.forgetting.unscored import bounded_drop, filled_pairs
from keeptune.records import Interval, Undefined
from keeptune.scoring.metric import Metric
from keeptune.statistics.confidence_sequence import Bets, Planned, anytime_p, anytime_z
from keeptune.statistics.jackknife import effective_number

EARLY = 0.4
"""Share of the error that may be spent before all items are evaluated."""
FIRST_BLOCK = 32
"""Clusters in the first block; fewer never give a verdict."""
GROWTH = 1.5
"""Factor by which the number of evaluated clusters grows with each block. The models take turns, and each turn loads
one of them, so the number of blocks must stay small."""
Side = Literal["below", "above", "undecided"]
BETTING = "confidence sequence, betting"
ASYMPTOTIC = "confidence sequence, asymptotic"


def block_ends(clusters: int) -> list[int]:
    """How many clusters have been evaluated after each block. A last block of less than half the size of the one
    before is merged with that one."""
    ends, size = [0], float(FIRST_BLOCK)
    while round(size) < clusters:
        ends.append(round(size))
        size *= GROWTH
    if len(ends) > 1 and 2 * (clusters - ends[-1]) < ends[-1] - ends[-2]:
        ends.pop()
    return [*ends[1:], clusters]


def drop_in_blocks(
    pairs: Sequence[Pair], scores: PairedScores, margin: float, alpha: float, planned: Planned, family: int = 1
) -> Drop:
    """The drop after any number of blocks.

    Args:
        scores: those of `pairs`, which are in the order of evaluation.
        alpha: one-sided error of the verdict, wherever the evaluation stops.
        family: as in `measure_drop`.
    """
    if len({base.cluster for base, _ in pairs}) < planned.clusters:
        return replace(sequential_drop(pairs, scores, margin, EARLY * alpha, planned), share=EARLY)
    level = 1.0 - 2.0 * (1.0 - EARLY) * alpha
    drop = bounded_drop(pairs, scores, margin, level, family)
    return replace(drop, p_changed=change_of(scores, drop, level).p, share=1.0 - EARLY)


def sequential_drop(pairs: Sequence[Pair], scores: PairedScores, margin: float, alpha: float, planned: Planned) -> Drop:
    """The drop after some of the `planned` clusters, with limits and p-values that hold at every number of clusters.

    A mean of scores from 0 to 100 has a betting confidence sequence. Other scores (corpus F1, BLEU, losses) have an
    asymptotic one, from the z of their usual test. Items without a score count as in `bounded_drop`.

    Args:
        scores: those of `pairs`.
        alpha: error of each limit.
    """
    if not _bounded_mean(scores):
        return _asymptotic(pairs, scores, margin, alpha, planned)
    worst, best = (paired_scores(filled_pairs(pairs, scores.metric, fallen=f), scores.metric) for f in (True, False))
    high, low = (_bets(each, alpha, planned) for each in (worst, best))
    estimate = _estimate(scores)
    interval = Interval(
        estimate,
        min(100.0 * low.limits(alpha)[0], estimate),
        max(100.0 * high.limits(alpha)[1], estimate),
        1.0 - 2.0 * alpha,
        BETTING,
    )
    p_changed = min(1.0, 2.0 * min(low.p_above(0.0), high.p_below(0.0)))
    return Drop(interval, low.p_above(margin / 100.0), "", None, None, None, p_changed)


def side_of(pairs: Sequence[Pair], metric: Metric, limit: float, alpha: float, planned: Planned) -> Side:
    """On which side of `limit` the drop lies, after some of the `planned` clusters. Called after every block, each side
    is wrong with at most the probability `alpha`. It serves choices; `drop_in_blocks` serves verdicts."""
    drop = sequential_drop(pairs, paired_scores(pairs, metric), limit, alpha, planned)
    if drop.caveat or isinstance(drop.interval, Undefined):
        return "undecided"
    if drop.interval.high < limit:
        return "below"
    return "above" if drop.interval.low > limit else "undecided"


def _bounded_mean(scores: PairedScores) -> bool:
    """Whether the corpus score is the mean of item scores between 0 and 100."""
    both = (*scores.before, *scores.after)
    return (
        scores.metric.unit == "points"
        and all({"sum", "n"} <= score.counts.keys() for score in both)
        and all(0.0 <= value <= 100.0 for value in item_values(both))
    )


def _bets(scores: PairedScores, alpha: float, planned: Planned) -> Bets:
    worse = scores.swapped() if scores.metric.higher_is_better else scores
    places = {cluster: place for place, cluster in enumerate(dict.fromkeys(worse.clusters))}
    rows = [places[cluster] for cluster in worse.clusters]
    differences = (np.array(item_values(worse.after)) - np.array(item_values(worse.before))) / 100.0
    summed, sizes = (np.bincount(rows, each).astype(np.float64) for each in (differences, np.ones(len(rows))))
    return Bets(summed, sizes, planned, alpha)


def _estimate(scores: PairedScores) -> float:
    before, after = scores.corpus()
    if isinstance(before, Undefined) or isinstance(after, Undefined):
        return 0.0
    return before - after if scores.metric.higher_is_better else after - before


def _asymptotic(pairs: Sequence[Pair], scores: PairedScores, margin: float, alpha: float, planned: Planned) -> Drop:
    asked = len(set(scores.clusters)) / planned.clusters
    level = 1.0 - 2.0 * float(ndtr(-anytime_z(asked, alpha)))
    drop = bounded_drop(pairs, scores, margin, level)
    if isinstance(drop.interval, Undefined):
        return drop
    changed = p_of_none(drop.interval, max(effective_number(scores.counted().sizes) - 1.0, 1.0))
    return replace(
        drop,
        interval=replace(drop.interval, level=1.0 - 2.0 * alpha, method=f"{ASYMPTOTIC}; {drop.interval.method}"),
        p_above=None if drop.p_above is None else anytime_p(-float(ndtri(drop.p_above)), asked, alpha),
        p_changed=min(1.0, 2.0 * anytime_p(-float(ndtri(changed / 2.0)), asked, alpha)),
        detectable=None,
        items_to_decide=None,
        items_as_seen=None,
    )
