"""One ability, asked or read in several ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from keeptune.forgetting.compare import Pair
from keeptune.forgetting.drop import measure_drop
from keeptune.forgetting.measurable import score_interval
from keeptune.forgetting.paired_scores import paired_scores
from keeptune.forgetting.readings import lenient_floor, read_by, strict_and_lenient
from keeptune.records import Ability, EvalRecord, Interval, Undefined, VariantDrop, Verdict
from keeptune.scoring.metric import Metric
from keeptune.scoring.table import get_metric

LOSS = "token_loss"
LOSS_MARGIN = 0.05
"""Nats a token: the margin of a likelihood where the ability's own is in points."""


@dataclass(frozen=True, slots=True)
class Way:
    """How an ability fared when asked, or read, in one way."""

    row: VariantDrop
    margin: float
    verdict: Verdict
    """``not measurable`` where one could not see it kept: see `other_way`."""
    floor: float | None = None
    """What shuffled references give the tuned answers."""


def way(name: str, pairs: Sequence[Pair], metric: Metric, ability: Ability) -> Way | None:
    """The drop by one metric, against the ability's margin; None where no item has a score on both sides."""
    pairs = _read_by(pairs, metric)
    scores = paired_scores(pairs, metric)
    before, after = scores.corpus()
    if isinstance(before, Undefined) or isinstance(after, Undefined):
        return None
    in_nats = get_metric(ability.metrics[0]).unit == "nats"
    margin = LOSS_MARGIN if metric.unit == "nats" and not in_nats else ability.margin
    drop = measure_drop(scores, margin)
    row = VariantDrop(name, metric.name, scores.items, before, after, drop.interval)
    return Way(row, margin, drop.verdict(margin))


def other_way(name: str, pairs: Sequence[Pair], metric: Metric, ability: Ability) -> Way | None:
    """The same, where the ability was not asked or read so at first.

    Kept only counts if there was something to keep: the base's score is surely more than twice the margin above
    chance and above what shuffled references give, and the tuned model's is surely above that too.
    """
    found = way(name, pairs, metric, ability)
    if found is None or metric.unit == "nats":
        return found
    base, tuned = zip(*_read_by(pairs, metric), strict=True)
    floor = lenient_floor(tuned, metric) if metric.needs == "output" else None
    least = max(ability.chance or 0.0, floor or 0.0)
    shown = _surely_above(base, metric, least + 2.0 * found.margin) and _surely_above(tuned, metric, least)
    verdict = "not measurable" if found.verdict == "kept" and not shown else found.verdict
    return Way(found.row, found.margin, verdict, floor)


def reading_of(pairs: Sequence[Pair], ability: Ability) -> Metric | None:
    """By what to read items that were asked otherwise: one of the ability's metrics, or else another that they were
    scored by; leniently, if they can be read so. None where nothing was scored."""
    records = [record for each in pairs for record in each]
    scored = [
        name
        for name in (records[0].scores if records else ())
        if all(name in record.scores for record in records) and any(r.scores[name].value is not None for r in records)
    ]
    if not scored:
        return None
    name = min(scored, key=lambda name: (name not in ability.metrics, name == LOSS))
    readings = strict_and_lenient(name, records)
    return readings[1] if readings else get_metric(name)


def _read_by(pairs: Sequence[Pair], metric: Metric) -> list[Pair]:
    base, tuned = (read_by([each[side] for each in pairs], metric) for side in (0, 1))
    return list(zip(base, tuned, strict=True))


def _surely_above(records: Sequence[EvalRecord], metric: Metric, least: float) -> bool:
    interval = score_interval(records, metric)
    return isinstance(interval, Interval) and interval.low > least
