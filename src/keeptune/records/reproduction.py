"""A Reproduction: a run that was made again from its own settings, beside what came out then."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from keeptune.records.forgetting_report import Gate, Verdict
from keeptune.records.shown import Shown, paragraphs, table

Outcome = Literal["same bytes", "same answers", "differs"]
SAME = 0.001
"""Scores are the same within this, and within this share of them: losses are rounded otherwise by each machine."""


@dataclass(frozen=True, slots=True)
class WeightsAgain:
    """The tuned weights then and now."""

    same_bytes: bool
    largest: float | None
    """The largest difference of a weight; None where they cannot be compared."""
    rms: float | None
    """Root of the mean square of all differences."""
    reason: str = ""
    """Why they cannot be compared."""


@dataclass(frozen=True, slots=True)
class AnswersAgain:
    """One model's answers to one set of items, then and now."""

    what: str
    """``task``, or the ability's name."""
    model: str
    """``base`` or ``tuned``."""
    items: int
    same: int
    """Items with the same prompt and the same answer: text, choice, or loss to a thousandth of a nat per token."""
    same_bytes: bool
    """Whether the records are equal to the last digit."""


@dataclass(frozen=True, slots=True)
class ScoreAgain:
    """A score of the tuned model then and now."""

    what: str
    metric: str
    then: float | None
    now: float | None

    @property
    def same(self) -> bool:
        """Whether they are the same, to a thousandth."""
        if self.then is None or self.now is None:
            return self.then is self.now
        return math.isclose(self.then, self.now, rel_tol=SAME, abs_tol=SAME)


@dataclass(frozen=True, slots=True)
class VerdictAgain:
    """The verdict on an ability then and now; None where it was not measured."""

    ability: str
    then: Verdict | None
    now: Verdict | None


@dataclass(frozen=True, slots=True, repr=False)
class Reproduction(Shown):
    """A run that was made again."""

    schema_version: int
    path: str
    """Of the new run."""
    of: str
    """Of the run that it repeats."""
    outcome: Outcome
    """``same answers``: each answer, score and verdict is the same, and some bytes are not."""
    weights: WeightsAgain
    loss: float | None
    """The largest difference of a step's training loss, in nats per token; None where the steps are not as many."""
    answers: tuple[AnswersAgain, ...]
    scores: tuple[ScoreAgain, ...]
    """By the task's primary metric first."""
    verdicts: tuple[VerdictAgain, ...]
    gate: tuple[Gate | None, Gate | None]
    """Then and now; None where nothing was measured."""
    changed: Mapping[str, tuple[str, str]]
    """What computed, where it is another: package, device, threads … → (then, now). Bytes may differ by each."""
    notes: tuple[str, ...]
    """What of this run cannot be repeated exactly, or is not repeated."""

    @property
    def items(self) -> int:
        """Answers that were compared."""
        return sum(each.items for each in self.answers)

    @property
    def same(self) -> int:
        """Answers that are the same."""
        return sum(each.same for each in self.answers)

    @property
    def same_verdicts(self) -> bool:
        """Whether each verdict is the same."""
        return self.gate[0] == self.gate[1] and all(each.then == each.now for each in self.verdicts)

    @property
    def same_scores(self) -> bool:
        """Whether each score is the same."""
        return all(each.same for each in self.scores)

    def _line(self) -> str:
        return f"{self.outcome}, {self.same:,} of {self.items:,} answers, {self.path}"

    def _page(self) -> str:
        rows = [(each.what, each.model, each.items, each.same) for each in self.answers]
        return paragraphs([self._line(), *self.notes]) + table(("what", "model", "items", "the same"), rows)
