"""Both models' answers to the task."""

from __future__ import annotations

from dataclasses import dataclass

from keeptune.records import EvalRecord, Example
from keeptune.scoring.metric import Metric


@dataclass(frozen=True, slots=True)
class Task:
    """Both models' answers to the task."""

    examples: tuple[Example, ...]
    base: list[EvalRecord]
    tuned: list[EvalRecord]
    metric: Metric
    trained_on: int | None = None
    """Number of examples that the tuned model was trained on; None if unknown."""
