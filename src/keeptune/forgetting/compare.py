"""Pairing, and the comparison of one metric before and after.

Base and tuned are joined here and nowhere else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from keeptune.errors import MetricError, PairingError
from keeptune.forgetting.paired_scores import paired_scores
from keeptune.records import Comparison, EvalRecord, Interval, MaybeInterval, Undefined
from keeptune.scoring.metric import Metric

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
                    f"item {item_id}: different {name} before and after: "
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
    trained_on: int | None = None,
) -> Comparison:
    """after − before of one metric, with its 95 % interval.

    A binary metric: Tango's score interval, of clustered items at their number over the design effect. Any
    other metric: the score test of the corpus score. Items without a score on either side are
    left out of both, so `items` counts those compared; how many were left out is told in the interval's
    method. `trained_on` is passed on.

    Raises:
        PairingError: the two do not hold the same items.
        MetricError: the records do not hold the metric, or no item has a score on both sides.
    """
    scores = paired_scores(pair(base, tuned), metric)
    before, after = scores.corpus()
    flips = scores.flips()
    return Comparison(
        metric=metric.name,
        before_name=before_name,
        after_name=after_name,
        items=scores.items,
        clusters=len(set(scores.clusters)),
        before=_defined(before, metric, before_name),
        after=_defined(after, metric, after_name),
        difference=_tell(scores.difference(), scores.unscored, scores.items + scores.unscored),
        rose=flips.rose,
        fell=flips.fell,
        unchanged=flips.unchanged,
        higher_is_better=metric.higher_is_better,
        trained_on=trained_on,
    )


def _by_id(records: Sequence[EvalRecord], side: str) -> dict[str, EvalRecord]:
    times = Counter(record.item_id for record in records)
    for item_id, count in times.items():
        if count > 1:
            raise PairingError(f"item {item_id} occurs {count} times {side}", "give every row of the file its own id")
    return {record.item_id: record for record in records}


def _defined(score: float | Undefined, metric: Metric, name: str) -> float:
    if isinstance(score, Undefined):
        raise MetricError(
            f"{metric.name} of {name} is undefined: {score.reason}",
            "use another metric, or other items",
        )
    return score


def _tell(difference: MaybeInterval, left_out: int, items: int) -> MaybeInterval:
    """Report how many items had no score, before any caveat at the end."""
    if left_out == 0:
        return difference
    words = f"{left_out} of {items} items without a score left out; "
    if isinstance(difference, Undefined):
        return Undefined(words + difference.reason)
    d = difference
    return Interval(d.estimate, d.low, d.high, d.level, words + d.method)
