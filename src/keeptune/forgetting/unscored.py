"""Bounds for items without a score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from keeptune.errors import MetricError
from keeptune.forgetting.compare import Pair
from keeptune.forgetting.drop import Drop, measure_drop
from keeptune.forgetting.floor import answered
from keeptune.forgetting.paired_scores import PairedScores, item_values, paired_scores, score_of
from keeptune.forgetting.shuffled import example_of
from keeptune.records import EvalRecord, ItemScore, Undefined
from keeptune.scoring.mean import mean_score
from keeptune.scoring.metric import Metric


def filled_in(records: Sequence[EvalRecord], metric: Metric, *, right: bool) -> list[EvalRecord]:
    """The records, those without a score as right as can be, or as wrong: the ends of the scale; of a score that is no
    mean over items, what the first reference gets and what the empty answer gets.

    Raises:
        MetricError: a loss is missing: it has no worst value.
    """
    return [
        replace(record, scores={**record.scores, metric.name: _bound(record, metric, right=right)})
        if score_of(record, metric).value is None
        else record
        for record in records
    ]


def bounded_drop(
    pairs: Sequence[Pair], scores: PairedScores, margin: float, level: float = 0.95, family: int = 1
) -> Drop:
    """The drop on the items that both sides have a score for; its limits hold for all items, whatever scores the others
    could have had: the upper one with them right before and wrong after, the lower one the other way round.

    Args:
        scores: those of `pairs`.
        level, family: as in `measure_drop`.
    """
    drop = measure_drop(scores, margin, level, family)
    if not scores.unscored or isinstance(drop.interval, Undefined):
        return drop
    told = f"{scores.unscored} of {len(pairs)} items have no score"
    if _without_bounds(scores):
        return replace(drop, caveat=f"{told}, and {scores.metric.name} has no worst value to bound them with")
    worst, best = (_filled_drop(pairs, scores.metric, margin, level, fallen=fallen) for fallen in (True, False))
    if isinstance(worst.interval, Undefined) or isinstance(best.interval, Undefined):
        return replace(drop, caveat=drop.caveat or told)
    limits = {"low": best.interval.low, "high": worst.interval.high}
    return replace(
        drop,
        interval=replace(drop.interval, **limits, method=f"{drop.interval.method}; {told}, bounded"),
        p_above=best.p_above,
        caveat=drop.caveat or worst.caveat or best.caveat,
        items_to_decide=None,
        items_as_seen=None,
    )


def _filled_drop(pairs: Sequence[Pair], metric: Metric, margin: float, level: float, *, fallen: bool) -> Drop:
    return measure_drop(paired_scores(filled_pairs(pairs, metric, fallen=fallen), metric), margin, level)


def filled_pairs(pairs: Sequence[Pair], metric: Metric, *, fallen: bool) -> list[Pair]:
    """The pairs, with what has no score right before and wrong after, or the other way round.

    Raises:
        MetricError: a loss is missing.
    """
    base = filled_in([before for before, _ in pairs], metric, right=fallen)
    tuned = filled_in([after for _, after in pairs], metric, right=not fallen)
    return list(zip(base, tuned, strict=True))


def _bound(record: EvalRecord, metric: Metric, *, right: bool) -> ItemScore:
    if metric.unit == "nats":
        raise MetricError(
            f"item {record.item_id} has no {metric.name}, and a loss has no worst value", "leave that item out"
        )
    text = record.references[0] if right and record.references else ""
    end = 100.0 if right == metric.higher_is_better else 0.0
    found = metric.item(answered(record, text, metric), example_of(record))
    if found.value is None or found.counts.keys() == mean_score(end).counts.keys():
        # Of a mean over items the ends are those of the scale: to a user's metric the empty answer may be the best.
        return mean_score(end)
    return found


def _without_bounds(scores: PairedScores) -> bool:
    """Of a loss, and where a user's metric was seen to leave the scale of 0 to 100."""
    values = item_values((*scores.before, *scores.after))
    return scores.metric.unit == "nats" or not all(0.0 <= value <= 100.0 for value in values)
