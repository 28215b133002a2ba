"""The findings of `keeptune check`, before any model is loaded."""

from __future__ import annotations

from dataclasses import dataclass

from keeptune.data.duplicates import Repeat
from keeptune.data.token_lengths import TokenLengths
from keeptune.errors import Problem
from keeptune.records import Forecast
from keeptune.records.shown import Shown, paragraphs, table

MOST = 50
"""Maximum problems shown in a notebook."""


@dataclass(frozen=True, slots=True)
class RoleReport:
    """The rows of one role."""

    role: str
    """``train`` or ``test``."""
    path: str
    examples: int
    """Rows that can be used."""
    clusters: int
    """Groups, and rows that stand alone."""
    mapping: str
    """How the fields were read; "" if they could not be."""
    lengths: TokenLengths | None
    """None without a tokenizer or without rows."""
    balance: tuple[tuple[str, int], ...]
    """Closed choices: (label, rows), the most frequent first, labels without a row too. Else empty."""


@dataclass(frozen=True, slots=True, repr=False)
class CheckReport(Shown):
    """Everything found; `problems` holds errors and warnings, with file and line."""

    problems: tuple[Problem, ...]
    roles: tuple[RoleReport, ...]
    repeats: tuple[Repeat, ...]
    """Train rows that repeat an earlier one."""
    leaks: tuple[Repeat, ...]
    """Train rows that occur in test."""
    shared_context: bool
    """Many rows share a passage or a list of choices, so near-duplicates with other answers are different items."""
    advice: tuple[str, ...]
    metric: str = ""
    """The primary metric for the answers; "" if no row is usable."""
    metric_reason: str = ""
    refusal: str = ""
    """Why `tune` would refuse these settings although the rows are readable, and what to do. "" if it would start, or
    without train rows."""
    forecast: Forecast | None = None
    """The forecast of the training; None without --forecast, or if no run could start."""

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that prevent a run."""
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The problems that do not prevent a run."""
        return tuple(problem for problem in self.problems if problem.severity not in ("error", "note"))

    @property
    def notes(self) -> tuple[Problem, ...]:
        """Assumptions about the files; these are not problems."""
        return tuple(problem for problem in self.problems if problem.severity == "note")

    @property
    def ok(self) -> bool:
        """Whether a run could start."""
        return not self.errors and not self.refusal

    def _line(self) -> str:
        state = "a run could start" if self.ok else "a run would be refused"
        return f"{state}: {len(self.errors)} errors, {len(self.warnings)} warnings"

    def _page(self) -> str:
        rows = [(p.severity, p.file, p.line, p.message, p.fix) for p in self.problems[:MOST]]
        more = len(self.problems) - MOST
        told = paragraphs([self._line(), self.refusal]) + table(("", "file", "line", "problem", "what to do"), rows)
        return told + paragraphs([f"… and {more:,} more" if more > 0 else "", *self.advice])
