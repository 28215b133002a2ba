"""The plain mean over items, which most metrics share as their corpus score."""

from __future__ import annotations

from collections.abc import Mapping

from keeptune.records import ItemScore, Undefined


def mean_score(value: float, **also: float) -> ItemScore:
    """An item's `value` with the counts of a mean, Σ value and n; `also` are further counts to be kept."""
    return ItemScore(value=value, counts={"sum": value, "n": 1.0, **also})


def mean_corpus(counts: Mapping[str, float]) -> float | Undefined:
    """Σ value / n over the items that have a value, in the unit of the values."""
    n = counts.get("n", 0.0)
    if n < 0.5:
        return Undefined("no items")
    return counts["sum"] / n
