"""The Metric protocol: how one answer is scored, and how a set's score comes from additive counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, Protocol

from keeptune.records import Answer, Example, ItemScore, Undefined

Needs = Literal["output", "choices", "loss"]
Unit = Literal["points", "nats"]

UNSCORED = ItemScore(value=None)
"""The score of an item whose answer lacks what the metric reads. It is counted, never taken as zero."""


class Metric(Protocol):
    """One way to score answers.

    Scores are points out of 100, or nats a token for a loss. `item` gives each answer its own value and its
    additive counts; `corpus` turns counts, summed over any set of items, into the score of that set. So every
    leave-one-out score is a subtraction and a formula, and no text is read twice.
    """

    @property
    def name(self) -> str:
        """The name in the table of metrics, in records and in reports."""
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
    counts, scored, unscored = sum_counts(scores)
    if scored == 0:
        return Undefined(f"none of the {unscored} items has a score under {metric.name}")
    return metric.corpus(counts, scored)
