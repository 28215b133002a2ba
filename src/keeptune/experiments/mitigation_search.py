"""`tune --auto`: search from the cheapest mitigation until every declared ability is kept on development items.

Nothing here reads a verdict item or a test row: the search sees `DevItems`, a candidate's worth is a `DevEvidence`,
and the chosen candidate goes on to the same final scoring as any run.
"""

from __future__ import annotations

import gc
import shutil
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from keeptune.config.schema import ModelConfig
from keeptune.data.encode import Encoder
from keeptune.errors import (
    ConfigError,
    DataError,
    KeeptuneError,
    MetricError,
    ModelError,
    PairingError,
    TrainingError,
    first_line,
)
from keeptune.events import CandidateDone, Notice
from keeptune.experiments.dev_comparison import DevComparison, compared_with_base
from keeptune.mitigation.candidates import candidate_config
from keeptune.mitigation.choose_candidate import Tried, choose, enough, next_alpha
from keeptune.mitigation.fit import unfit
from keeptune.mitigation.spec import PLAIN, MitigationSpec
from keeptune.models.memory import out_of_memory
from keeptune.records import (
    DevEvidence,
    MitigationSearchReport,
    TrainingSummary,
)
from keeptune.training.session import Session
from keeptune.training.train import train
from keeptune.workspace.atomic import atomic_folder
from keeptune.workspace.lineage import is_adapter
from keeptune.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Made:
    """The model of one candidate."""

    model: ModelConfig
    summary: TrainingSummary | None
    """Of the training behind it; None where another tool made it."""


Maker = Callable[[MitigationSpec], Made]
"""From a candidate to its model: trained, interpolated, or found as it is. Asked again for a candidate, it does
nothing again."""


@dataclass(frozen=True, slots=True)
class SearchOutcome:
    """The end of a search."""

    report: MitigationSearchReport
    made: Made
    routed: bool


@dataclass(frozen=True, slots=True)
class Trainer:
    """The Maker of `tune`: each candidate is a training from the base, in a folder of its own."""

    session: Session

    def __call__(self, candidate: MitigationSpec) -> Made:
        """Train, unless an earlier start or a run beside this one has."""
        config = candidate_config(candidate, self.session.config)
        run = self.session.workspace.candidate(str(PLAIN if candidate.routed else candidate))
        run.path.mkdir(parents=True, exist_ok=True)
        session = self.session.for_candidate(config, run)
        summary = train(session)
        return Made(session.tuned_model, summary)


@dataclass(frozen=True, slots=True)
class MitigationSearch:
    """One search. A call makes it; candidates that an earlier start has trained or asked are not done again."""

    session: Session
    """Its model and encoder are the base's."""
    make: Maker
    encoder: Encoder
    """Of all candidates: each model is asked in its own form."""
    candidates: Sequence[MitigationSpec]
    """In their order, the plain training first."""

    def __call__(self) -> SearchOutcome:
        """Try candidates in their order until one keeps enough, and choose.

        Raises:
            ConfigError: no ability was declared, or none can be measured on development items.
        """
        began, config, observer = time.monotonic(), self.session.config, self.session.observer
        min_gain = config.mitigation_search.min_gain
        compared = compared_with_base(self.session, self.encoder)
        tried: list[Tried] = []
        left: list[MitigationSpec] = []
        waiting = deque(self.candidates)
        while waiting:
            candidate = waiting.popleft()
            if self._is_left(candidate, tried, began):
                left.append(candidate)
                continue
            try:
                evidence = self._try(candidate, compared, is_trained=_is_trained(candidate, tried))
            except (KeeptuneError, RuntimeError) as error:
                if not tried or not _of_the_candidate(error):
                    raise
                observer(Notice("mitigation_search", f"{candidate} cannot be tried: {first_line(error)}"))
                left.append(candidate)
                if candidate == candidate.training:
                    # Its interpolations would train it once more.
                    left += [other for other in waiting if other.training == candidate]
                    waiting = deque(other for other in waiting if other.training != candidate)
                continue
            tried.append(Tried(candidate, evidence))
            observer(CandidateDone(evidence))
            interpolation = next_alpha(tried, min_gain)
            if interpolation is not None and unfit(candidate_config(interpolation, config)) is None:
                waiting = deque([interpolation, *(other for other in waiting if other != interpolation)])
            elif any(enough(one.evidence, tried[0].evidence, min_gain) for one in tried):
                break
        choice = choose(tried, min_gain)
        chosen, seconds = choice.tried.candidate, _spent(tried)
        self.session.seconds["mitigation_search"] = seconds
        report = MitigationSearchReport(
            candidates=tuple(one.evidence for one in tried),
            chosen=str(chosen),
            reason=choice.reason,
            enough=choice.enough,
            not_tried=tuple(map(str, (*left, *waiting))),
            seconds=seconds,
        )
        self.session.workspace.write_mitigation_search(report)
        return SearchOutcome(report, self.make(chosen), chosen.routed)

    def _is_left(self, candidate: MitigationSpec, tried: Sequence[Tried], began: float) -> bool:
        """There is no budget for it."""
        budget = self.session.config.mitigation_search
        if not tried:
            return False
        # What an earlier start or another run has trained counts, too.
        spent = max(time.monotonic() - began, _spent(tried))
        if budget.search_minutes is not None and spent > 60 * budget.search_minutes:
            return True
        trained = sum(one.evidence.trained_seconds > 0 for one in tried)
        most = budget.max_candidates
        return most is not None and trained >= most and not _is_trained(candidate, tried)

    def _try(self, candidate: MitigationSpec, compared: DevComparison, *, is_trained: bool) -> DevEvidence:
        """Make and evaluate one candidate; the time of a training that another one has had is not counted again."""
        # What one that failed has left.
        gc.collect()
        made, run = self.make(candidate), self.session.workspace
        began = time.monotonic()
        evidence = compared.evidence(candidate, made.model)
        # The most that an earlier start or this one took: answers that were there already took others' time.
        asked = max(time.monotonic() - began, run.candidate_seconds(str(candidate)))
        run.write_candidate_seconds(str(candidate), asked)
        trained = made.summary.seconds if made.summary and not is_trained else 0.0
        return replace(evidence, trained_seconds=trained, asked_seconds=asked)


def _of_the_candidate(error: BaseException) -> bool:
    """Whether another candidate may well succeed."""
    of_settings = (ConfigError, DataError, MetricError, ModelError, PairingError, TrainingError)
    return isinstance(error, of_settings) or out_of_memory(error)


def _is_trained(candidate: MitigationSpec, tried: Sequence[Tried]) -> bool:
    return candidate.training in (one.candidate.training for one in tried)


def _spent(tried: Sequence[Tried]) -> float:
    """Seconds."""
    return sum(one.evidence.trained_seconds + one.evidence.asked_seconds for one in tried)


def settle(model: ModelConfig, run: Workspace) -> Path:
    """Put the weights that were chosen where a run has them, in the place of those that an earlier start has put there:
    with another budget, a search may end elsewhere."""
    weights = Path(model.name)
    adapter = is_adapter(weights)
    place, other = (run.adapter, run.model) if adapter else (run.model, run.adapter)
    shutil.rmtree(other, ignore_errors=True)
    with atomic_folder(place) as partial:
        shutil.copytree(weights, partial, dirs_exist_ok=True)
    return place
