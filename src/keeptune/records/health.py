"""What `keeptune doctor` found about an installation and its machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    state: State
    """``problem`` stops a run; ``warning`` makes it slower, or stops some runs."""
    says: str
    fix: str = ""
    """The way out of a warning or a problem, or what adds something that is missing."""


@dataclass(frozen=True, slots=True)
class Health:
    """Everything that was looked at, in order."""

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing would stop a run."""
        return not self.count("problem")

    def count(self, state: State) -> int:
        """How many findings are of this kind."""
        return sum(finding.state == state for finding in self.findings)
