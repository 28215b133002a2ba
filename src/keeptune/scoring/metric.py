"""The Metric protocol: how one answer is scored, and how a set's score comes from additive counts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Protocol, runtime_checkable

from keeptune.errors import MetricError
from keeptune.records import Answer, Example, ItemScore, Undefined

Needs = Literal["output", "choices", "loss"]
Unit = Literal["points", "nats"]

UNSCORED = ItemScore(value=None)
"""The score of an item whose answer lacks what the metric reads. It is counted, never taken as zero."""


@runtime_checkable
class Metric(Protocol):
    """One way to score answers.

    Scores are points out of 100, or nats per token for a loss. `item` gives each answer its own value and its
    additive counts; `corpus` turns counts, summed over any set of items, into the score of that set. So every
    leave-one-out score is a subtraction and a formula, and no text is read twice.
    """

    @property
    def name(self) -> str:
        """The name in the registry of metrics, in records and in reports."""
        ...

    @property
    def needs(self) -> Needs:
        """What an answer must hold: generated text, log-likelihoods of the choices, or of the reference."""
        ...

    @property
    def higher_is_better(self) -> bool: ...

    @property
    def unit(self) -> Unit: ...

    @property
    def binary(self) -> bool:
        """Every item is worth 0 or 100, and the corpus score is their mean."""
        ...

    def item(self, answer: Answer, example: Example) -> ItemScore:
        """The score of one answer; `UNSCORED` where the answer does not hold what the metric needs."""
        ...

    def corpus(self, counts: Mapping[str, float], items: int) -> float | Undefined:
        """The score of the `items` scored items whose counts sum to `counts`."""
        ...


def references_of(example: Example) -> tuple[str, ...]:
    """Every accepted answer of an item: its references, or its completion where none are listed."""
    return example.references or (example.completion,)


def refuse_not_finite(score: ItemScore, metric: Metric, item: str = "an item") -> None:
    """Raises MetricError for a score that is no finite number, or neither 0 nor 100 though the metric is binary: a file
    of records, and a model whose weights overflow, may hold anything."""
    if score.value is None:
        return
    for value in (score.value, *score.counts.values()):
        if not _is_finite(value):
            raise MetricError(
                f"{metric.name}: the score of {item} is {value!r}, not a finite number",
                "score that item again; where a model gave it, see that its weights are finite",
            )
    if metric.binary and score.value not in (0.0, 100.0):
        raise MetricError(
            f"{metric.name}: the score of {item} is {score.value:g}, though it can only be 0 or 100", "score it again"
        )


def _is_finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def sum_counts(scores: Iterable[ItemScore]) -> tuple[dict[str, float], int, int]:
    """(summed counts, scored items, unscored items) of a set of item scores of one metric."""
    counts: dict[str, float] = {}
    scored = unscored = 0
    for score in scores:
        if score.value is None:
            unscored += 1
            continue
        scored += 1
        for key, value in score.counts.items():
            counts[key] = counts.get(key, 0.0) + value
    return counts, scored, unscored


def corpus_score(metric: Metric, scores: Iterable[ItemScore]) -> float | Undefined:
    """The score of a set of items, from their item scores; items without a score are left out."""
    scores = list(scores)
    for score in scores:
        refuse_not_finite(score, metric)
    counts, scored, unscored = sum_counts(scores)
    if scored == 0:
        return Undefined(f"none of the {unscored} items has a score under {metric.name}")
    return metric.corpus(counts, scored)
