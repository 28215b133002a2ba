"""What a mitigation search has spent, and what it may spend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from keeptune.config.schema import MitigationSearchConfig
from keeptune.mitigation.choose_candidate import Tried
from keeptune.mitigation.spec import MitigationSpec
from keeptune.workspace.search_run import SearchRun

TIMES = 2
"""Without ``search_minutes``, a further training starts within so many times the first one's time."""


@dataclass(frozen=True, slots=True)
class SearchBudget:
    """Counts the same seconds in a search that was interrupted as in one that was not."""

    settings: MitigationSearchConfig
    run: SearchRun
    tried: Sequence[Tried]
    """Grows with the search."""
    seconds: dict[str, float]
    """Of each part of the search beside the trainings."""

    def count(self, part: str, seconds: float) -> float:
        """Add a part's seconds: those of an earlier start if it recorded them, because answers are in the cache now."""
        found = self.run.search_seconds(part) or seconds
        self.run.write_search_seconds(part, found)
        self.seconds[part] = found
        return found

    def spent(self) -> float:
        """Seconds, including trainings of an earlier start or of another run."""
        return sum(one.evidence.trained_seconds for one in self.tried) + sum(self.seconds.values())

    def limit(self) -> float:
        """Seconds. Infinite where the user names the candidates, or `rescue` begins without a training."""
        if self.settings.search_minutes is not None:
            return 60 * self.settings.search_minutes
        return math.inf if self.settings.candidates else TIMES * self.tried[0].evidence.trained_seconds or math.inf

    def why_left(self, candidate: MitigationSpec) -> str:
        """Why `candidate` cannot be tried; "" if it can. Another α of a training is beyond ``search_minutes`` only."""
        if not self.tried:
            return ""
        is_trained, most = self.is_trained(candidate), self.settings.max_candidates
        if self.is_overspent() and (self.settings.search_minutes is not None or not is_trained):
            return f"{self.account()}; --search-minutes sets another limit"
        trained = sum(one.evidence.trained_seconds > 0 for one in self.tried)
        return f"--max-candidates is {most}" if most is not None and trained >= most and not is_trained else ""

    def is_trained(self, candidate: MitigationSpec) -> bool:
        """Whether the training behind `candidate` was tried."""
        return candidate.training in (one.candidate.training for one in self.tried)

    def is_overspent(self) -> bool:
        """Whether more than the limit is spent, which happens if the last part began within it."""
        return self.spent() > self.limit()

    def account(self) -> str:
        """In words."""
        return f"{self.spent() / 60:.1f} minutes are spent, and the limit is {self.limit() / 60:.1f}"
