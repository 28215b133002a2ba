"""The plain mean over items, which most metrics share as their corpus score."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from keeptune.records import Answer, Example, ItemScore, Undefined
from keeptune.scoring.metric import UNSCORED, Needs, Unit


def mean_score(value: float, **also: float) -> ItemScore:
    """An item's `value` with the counts of a mean, Σ value and n; `also` are further counts to be kept."""
    return ItemScore(value=value, counts={"sum": value, "n": 1.0, **also})


def mean_corpus(counts: Mapping[str, float]) -> float | Undefined:
    """Σ value / n over the items that have a value, in the unit of the values."""
    n = counts.get("n", 0.0)
    if n < 0.5:
        return Undefined("no items")
    return counts["sum"] / n


@dataclass(frozen=True, slots=True)
class MeanMetric:
    """A metric of written answers: `score` gives each its `mean_score` in points, and a set has their mean."""

    name: str
    score: Callable[[str, Example], ItemScore]
    binary: bool = False
    needs: Needs = "output"
    higher_is_better: bool = True
    unit: Unit = "points"

    def item(self, answer: Answer, example: Example) -> ItemScore:
        return UNSCORED if answer.output is None else self.score(answer.output, example)

    def corpus(self, counts: Mapping[str, float], items: int) -> float | Undefined:  # noqa: ARG002
        return mean_corpus(counts)
