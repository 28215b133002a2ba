"""The drop of an ability that is asked in blocks and no further than its verdict needs.

The error of a verdict is shared: `EARLY` of it goes to the confidence sequence by which asking may stop, the rest to
the usual verdict on all items where it never did. Both together err as rarely as the usual one alone (Bonferroni), and
an ability that is asked to the end has its verdict at 97 % instead of 95.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.special import ndtr, ndtri

from keeptune.forgetting.change import change_of, p_of_none
from keeptune.forgetting.compare import Pair
from keeptune.forgetting.drop import Drop
from keeptune.forgetting.paired_scores import PairedScores, item_values, paired_scores
from keeptune.forgetting.unscored import bounded_drop, filled_pairs
from keeptune.records import Interval, Undefined
from keeptune.statistics.confidence_sequence import Bets, Planned, anytime_p, anytime_z
from keeptune.statistics.jackknife import effective_number

EARLY = 0.4
"""Share of the error that may be spent before all items are asked."""
BETTING = "confidence sequence, betting"
ASYMPTOTIC = "confidence sequence, asymptotic"


def drop_in_blocks(
    pairs: Sequence[Pair], scores: PairedScores, margin: float, alpha: float, planned: Planned, family: int = 1
) -> Drop:
    """The drop after as many blocks as were asked.

    Args:
        scores: those of `pairs`, which are in the order asked.
        alpha: the one-sided error of the verdict, wherever the asking stops.
        family: as in `measure_drop`.
    """
    if len({base.cluster for base, _ in pairs}) < planned.clusters:
        return replace(sequential_drop(pairs, scores, margin, EARLY * alpha, planned), share=EARLY)
    level = 1.0 - 2.0 * (1.0 - EARLY) * alpha
    drop = bounded_drop(pairs, scores, margin, level, family)
    return replace(drop, p_changed=change_of(scores, drop, level).p, share=1.0 - EARLY)


def sequential_drop(pairs: Sequence[Pair], scores: PairedScores, margin: float, alpha: float, planned: Planned) -> Drop:
    """The drop after so many of the `planned` clusters, in the order asked, with limits and p-values that hold however
    often they are looked at.

    A mean of scores from 0 to 100 has a betting confidence sequence; other scores (corpus F1, BLEU, losses) have an
    asymptotic one by the usual test of them. Items without a score count as in `bounded_drop`.

    Args:
        scores: those of `pairs`.
        alpha: of each limit.
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


def _bounded_mean(scores: PairedScores) -> bool:
    """Whether the corpus score is the mean of items between 0 and 100."""
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
    summed, sizes = np.bincount(rows, weights=differences), np.bincount(rows).astype(np.float64)
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
