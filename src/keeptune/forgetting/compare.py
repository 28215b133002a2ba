"""Pairing, and the comparison of one metric before and after.

Base and tuned are joined here and nowhere else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from keeptune.errors import MetricError, PairingError
from keeptune.numerics.flips import Flips, count_flips
from keeptune.numerics.jackknife import FloatArray, paired_jackknife
from keeptune.numerics.tango import tango_interval
from keeptune.records import Comparison, EvalRecord, Interval, ItemScore, MaybeInterval, Undefined
from keeptune.scoring.metric import Metric, corpus_score

Pair = tuple[EvalRecord, EvalRecord]

_SAME_FIELDS = ("prompt", "references", "choices", "cluster")


def pair(base: Sequence[EvalRecord], tuned: Sequence[EvalRecord]) -> list[Pair]:
    """Join two sets of records by item id, in the order of `base`.

    Raises:
        PairingError: an item is missing on one side, occurs twice, or has another prompt, other references,
            choices or cluster on the other side; the message names it.
    """
    base_by_id, tuned_by_id = _by_id(base, "before"), _by_id(tuned, "after")
    for side, here, there in (("after", base_by_id, tuned_by_id), ("before", tuned_by_id, base_by_id)):
        missing = [item_id for item_id in here if item_id not in there]
        if missing:
            more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
            raise PairingError(
                f"item {missing[0]}{more} was not answered {side}",
                "score both models on the same items",
            )
    for item_id, record in base_by_id.items():
        for name in _SAME_FIELDS:
            if getattr(record, name) != getattr(tuned_by_id[item_id], name):
                raise PairingError(
                    f"item {item_id} has another {name} before and after: "
                    f"{str(getattr(record, name))[:80]!r}, {str(getattr(tuned_by_id[item_id], name))[:80]!r}",
                    "score both models again on the same file",
                )
    return [(record, tuned_by_id[item_id]) for item_id, record in base_by_id.items()]


def compare(
    base: Sequence[EvalRecord],
    tuned: Sequence[EvalRecord],
    metric: Metric,
    before_name: str = "base",
    after_name: str = "tuned",
) -> Comparison:
    """after − before of one metric, with its 95 % interval.

    A binary metric on items that each stand alone: Tango's score interval. Any other metric, or clustered
    items: the leave-one-cluster-out jackknife of the corpus score. Items without a score on either side are
    left out of both, so `items` counts those compared; how many were left out is told in the interval's
    method.

    Raises:
        PairingError: the two do not hold the same items.
        MetricError: the records do not hold the metric, or no item has a score on both sides.
    """
    pairs = pair(base, tuned)
    scored = [
        (before, after)
        for before, after in pairs
        if _score(before, metric).value is not None and _score(after, metric).value is not None
    ]
    before_scores = [_score(before, metric) for before, _ in scored]
    after_scores = [_score(after, metric) for _, after in scored]
    clusters = [before.cluster for before, _ in scored]
    flips = count_flips(_values(before_scores), _values(after_scores))
    left_out = len(pairs) - len(scored)
    return Comparison(
        metric=metric.name,
        before_name=before_name,
        after_name=after_name,
        items=len(scored),
        clusters=len(set(clusters)),
        before=_corpus(metric, before_scores, before_name),
        after=_corpus(metric, after_scores, after_name),
        difference=_tell(_difference(metric, before_scores, after_scores, clusters, flips), left_out, len(pairs)),
        rose=flips.rose,
        fell=flips.fell,
        unchanged=flips.unchanged,
        higher_is_better=metric.higher_is_better,
    )


def _difference(
    metric: Metric,
    before: Sequence[ItemScore],
    after: Sequence[ItemScore],
    clusters: Sequence[str],
    flips: Flips,
) -> MaybeInterval:
    if metric.binary and len(set(clusters)) == len(clusters):
        fraction = tango_interval(flips.rose, flips.fell, len(clusters))
        return _points(fraction) if isinstance(fraction, Interval) else fraction
    names = sorted({name for score in (*before, *after) for name in score.counts})

    def statistic(summed: FloatArray) -> float | Undefined:
        counts = dict(zip(names, summed[:-1].tolist(), strict=True))
        return metric.corpus(counts, round(float(summed[-1])))

    result = paired_jackknife(_by_cluster(before, clusters, names), _by_cluster(after, clusters, names), statistic)
    return result if isinstance(result, Undefined) else result.interval()


def _by_cluster(scores: Sequence[ItemScore], clusters: Sequence[str], names: Sequence[str]) -> FloatArray:
    """[clusters, counts + 1]: each cluster's summed counts, its number of items last."""
    rows = {cluster: row for row, cluster in enumerate(dict.fromkeys(clusters))}
    summed: FloatArray = np.zeros((len(rows), len(names) + 1))
    for score, cluster in zip(scores, clusters, strict=True):
        summed[rows[cluster]] += [*(score.counts.get(name, 0.0) for name in names), 1.0]
    return summed


def _by_id(records: Sequence[EvalRecord], side: str) -> dict[str, EvalRecord]:
    times = Counter(record.item_id for record in records)
    for item_id, count in times.items():
        if count > 1:
            raise PairingError(
                f"item {item_id} occurs {count} times {side}", "give every row of the file an id of its own"
            )
    return {record.item_id: record for record in records}


def _score(record: EvalRecord, metric: Metric) -> ItemScore:
    if metric.name not in record.scores:
        raise MetricError(
            f"item {record.item_id} was not scored by {metric.name}, only by {', '.join(record.scores) or 'no metric'}",
            "score the records by this metric first",
        )
    return record.scores[metric.name]


def _values(scores: Sequence[ItemScore]) -> list[float]:
    return [score.value for score in scores if score.value is not None]


def _corpus(metric: Metric, scores: Sequence[ItemScore], name: str) -> float:
    score = corpus_score(metric, scores)
    if isinstance(score, Undefined):
        raise MetricError(
            f"{metric.name} of {name} is undefined: {score.reason}",
            "compare by another metric, or on other items",
        )
    return score


def _points(fraction: Interval) -> Interval:
    return Interval(
        100.0 * fraction.estimate,
        100.0 * fraction.low,
        100.0 * fraction.high,
        fraction.level,
        fraction.method,
    )


def _tell(difference: MaybeInterval, left_out: int, items: int) -> MaybeInterval:
    """Say in words how many items had no score; first, so that a caveat at the end stays there."""
    if left_out == 0:
        return difference
    words = f"{left_out} of {items} items without a score left out; "
    if isinstance(difference, Undefined):
        return Undefined(words + difference.reason)
    d = difference
    return Interval(d.estimate, d.low, d.high, d.level, words + d.method)
