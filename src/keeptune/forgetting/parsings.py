"""Strict and lenient parsing of the same answers, and the lenient score of shuffled references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from keeptune.errors import MetricError
from keeptune.forgetting.compare import Pair
from keeptune.forgetting.contained import CONTAINED
from keeptune.forgetting.paired_scores import PairedScores, paired_scores
from keeptune.forgetting.shuffled import example_of, shuffles, with_references_of
from keeptune.records import Answer, EvalRecord, Example, ItemScore, MaybeInterval, Undefined
from keeptune.scoring.metric import Metric, Needs, Unit, corpus_score
from keeptune.scoring.table import get_metric

STRICT = "_strict"
STRICT_FILTER, LENIENT_FILTER = ",strict-match", ",flexible-extract"
"""Of lm-evaluation-harness."""


def strict_and_lenient(metric: str, records: Sequence[EvalRecord]) -> tuple[Metric, Metric] | None:
    """The strict and the lenient parsing for a metric, if the records allow both.

    ``x`` and ``x_strict``, or the two filters of lm-evaluation-harness, if both are in the records; ``exact_match`` and
    `CONTAINED` for short answers, which are read again.
    """
    lenient = metric.removesuffix(STRICT).replace(STRICT_FILTER, LENIENT_FILTER)
    strict = lenient.replace(LENIENT_FILTER, STRICT_FILTER) if LENIENT_FILTER in lenient else lenient + STRICT
    if all({lenient, strict} <= record.scores.keys() for record in records):
        return get_metric(strict), get_metric(lenient)
    if lenient in ("exact_match", "token_f1") and any(record.answer.output is not None for record in records):
        return get_metric("exact_match"), CONTAINED
    return None


def read_by(records: Sequence[EvalRecord], metric: Metric) -> list[EvalRecord]:
    """The records with a score by this metric, read again where they lack it."""
    return [
        record
        if metric.name in record.scores
        else replace(record, scores={**record.scores, metric.name: metric.item(record.answer, example_of(record))})
        for record in records
    ]


def form_drop(pairs: Sequence[Pair], strict: Metric, lenient: Metric) -> MaybeInterval:
    """Strict drop − lenient drop, paired by item: how much of the loss is only form, in points."""
    gap = _Gap(strict, lenient)
    one, other = paired_scores(pairs, strict), paired_scores(pairs, lenient)
    if one.clusters != other.clusters:
        return Undefined(f"{strict.name} and {lenient.name} did not score the same items")
    scores = PairedScores(
        metric=gap,
        before=tuple(map(gap.of, one.before, other.before)),
        after=tuple(map(gap.of, one.after, other.after)),
        clusters=one.clusters,
        unscored=one.unscored,
    )
    return scores.difference() if scores.items else Undefined("no item has both scores on both sides")


def lenient_floor(records: Sequence[EvalRecord], lenient: Metric) -> float | None:
    """The lenient score of these answers against the references of other items, mean of 5 shuffles.

    No item gets a reference of its own cluster. None where the metric cannot be read again (a score that came from
    elsewhere), or where one cluster holds half of the items.
    """
    floors = []
    for pairs in shuffles(records):
        try:
            scores = [lenient.item(r.answer, with_references_of(r, other)) for r, other in pairs]
        except MetricError:
            return None
        floor = corpus_score(lenient, scores)
        if isinstance(floor, Undefined):
            return None
        floors.append(floor)
    return fmean(floors) if floors else None


@dataclass(frozen=True, slots=True)
class _Gap:
    """lenient − strict: what is right but not in the asked form."""

    strict: Metric
    lenient: Metric
    name: str = "form"
    needs: Needs = "output"
    higher_is_better: bool = True
    unit: Unit = "points"

    @property
    def binary(self) -> bool:
        return self.strict.binary and self.lenient.binary

    def of(self, strict: ItemScore, lenient: ItemScore) -> ItemScore:
        counts = {f"strict {key}": value for key, value in strict.counts.items()}
        counts |= {f"lenient {key}": value for key, value in lenient.counts.items()}
        return ItemScore((lenient.value or 0.0) - (strict.value or 0.0), counts)

    def item(self, answer: Answer, example: Example) -> ItemScore:
        return self.of(self.strict.item(answer, example), self.lenient.item(answer, example))

    def corpus(self, counts: Mapping[str, float], items: int) -> float | Undefined:
        strict, lenient = (
            metric.corpus({k.removeprefix(side): v for k, v in counts.items() if k.startswith(side)}, items)
            for metric, side in ((self.strict, "strict "), (self.lenient, "lenient "))
        )
        if isinstance(lenient, Undefined):
            return lenient
        return strict if isinstance(strict, Undefined) else lenient - strict
