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
from dataclasses import dataclass, field, replace
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
    ProcessLost,
    TrainingError,
    first_line,
)
from keeptune.events import CandidateDone, Notice
from keeptune.experiments.dev_comparison import DevComparison, compared_with_base
from keeptune.experiments.loss_curve import loss_curve
from keeptune.experiments.search_budget import SearchBudget
from keeptune.mitigation.alpha_curve import AlphaCurve
from keeptune.mitigation.candidates import candidate_config
from keeptune.mitigation.choose_candidate import (
    Tried,
    can_be_smaller,
    choose,
    enough,
    has_room,
    last_resort,
    next_alpha,
)
from keeptune.mitigation.fit import unfit
from keeptune.mitigation.spec import PLAIN, MitigationSpec
from keeptune.models.memory import out_of_memory
from keeptune.records import (
    MitigationSearchReport,
    TrainingSummary,
)
from keeptune.training.session import Session
from keeptune.training.train import train
from keeptune.workspace.atomic import atomic_folder
from keeptune.workspace.lineage import is_adapter
from keeptune.workspace.search_run import SearchRun
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
        run = SearchRun(self.session.workspace.path).candidate(str(PLAIN if candidate.routed else candidate))
        run.path.mkdir(parents=True, exist_ok=True)
        session = self.session.for_candidate(config, run)
        summary = train(session)
        return Made(session.tuned_model, summary)


@dataclass(frozen=True, slots=True)
class MitigationSearch:
    """One search. A call makes it, once; candidates that an earlier start has trained or asked are not done again."""

    session: Session
    """Its model and encoder are the base's."""
    make: Maker
    encoder: Encoder
    """Of all candidates: each model is asked in its own form."""
    candidates: Sequence[MitigationSpec]
    """In their order; the first one's gain is what `min_gain` is a share of."""
    tried: list[Tried] = field(default_factory=list)
    left: list[MitigationSpec] = field(default_factory=list)
    curves: dict[MitigationSpec, AlphaCurve | None] = field(default_factory=dict)
    """By training; None where it could not be measured."""
    seconds: dict[str, float] = field(default_factory=dict)
    """By part of the search, without the trainings."""

    def __call__(self) -> SearchOutcome:
        """Try candidates in their order until one keeps enough, and choose.

        Raises:
            ConfigError: no ability was declared, or none can be measured on development items.
        """
        began, tried = time.monotonic(), self.tried
        min_gain = self.session.config.mitigation_search.min_gain
        compared = compared_with_base(self.session, self.encoder)
        self._budget.count("base", time.monotonic() - began)
        waiting = deque(self.candidates)
        while waiting:
            candidate = waiting.popleft()
            if why := self._budget.why_left(candidate):
                self._leave(candidate, f"is not tried: {why}")
            elif self._try(candidate, compared):
                if any(has_room(one.evidence, tried[0].evidence, min_gain) for one in tried):
                    break
                # Interpolations that the user names come before others.
                if all(other.training != candidate.training for other in waiting):
                    if interpolation := self._next_alpha(min_gain):
                        waiting.appendleft(interpolation)
                    elif any(enough(one.evidence, tried[0].evidence, min_gain) for one in tried):
                        break
            elif candidate == candidate.training:
                # Its interpolations would train it once more.
                self.left.extend(other for other in waiting if other.training == candidate)
                waiting = deque(other for other in waiting if other.training != candidate)
            if not waiting and (rest := self._last_resort()):
                waiting.append(rest)
        choice = choose(tried, min_gain)
        chosen, seconds = choice.tried.candidate, self._budget.spent()
        if self._budget.is_overspent():
            self._say(f"the search is over: {self._budget.account()}; what has begun is always finished")
        self.session.seconds["mitigation_search"] = seconds
        report = MitigationSearchReport(
            candidates=tuple(one.evidence for one in tried),
            chosen=str(chosen),
            reason=choice.reason,
            enough=choice.enough,
            not_tried=tuple(map(str, (*self.left, *waiting))),
            seconds=seconds,
        )
        SearchRun(self.session.workspace.path).write_mitigation_search(report)
        return SearchOutcome(report, self.make(chosen), chosen.routed)

    def _try(self, candidate: MitigationSpec, compared: DevComparison) -> bool:
        """Make and evaluate one candidate, unless it cannot be; the time of a training that another one has had is not
        counted again."""
        # What one that failed has left.
        gc.collect()
        began, is_trained = time.monotonic(), self._budget.is_trained(candidate)
        try:
            made = self.make(candidate)
            made_at = time.monotonic()
            evidence = compared.evidence(candidate, made.model)
        except (KeeptuneError, RuntimeError) as error:
            if not self.tried or not _of_the_candidate(error):
                raise
            self._budget.count(f"{candidate} failed", time.monotonic() - began)
            self._leave(candidate, f"cannot be tried: {first_line(error)}")
            return False
        asked = self._budget.count(str(candidate), time.monotonic() - made_at)
        trained = made.summary.seconds if made.summary and not is_trained else 0.0
        # The text that the base writes, loading, saving.
        self._budget.count(f"{candidate} made", max(0.0, made_at - began - trained))
        evidence = replace(evidence, trained_seconds=trained, asked_seconds=asked)
        self.tried.append(Tried(candidate, evidence))
        self.session.observer(CandidateDone(evidence))
        return True

    def _next_alpha(self, min_gain: float) -> MitigationSpec | None:
        """The interpolation of the last training that is worth evaluating."""
        if not can_be_smaller(self.tried, min_gain):
            return None
        training = self.tried[-1].candidate.training
        if training not in self.curves:
            self.curves[training] = self._curve(training)
        curve = self.curves[training]
        return None if curve is None else next_alpha(self.tried, min_gain, curve)

    def _curve(self, training: MitigationSpec) -> AlphaCurve | None:
        if not self._can_interpolate(training):
            return None
        began = time.monotonic()
        try:
            curve = loss_curve(self.session, self.make(training).model, self.encoder)
        except (KeeptuneError, RuntimeError) as error:
            if not _of_the_candidate(error):
                raise
            self._say(f"{training} cannot be interpolated: {first_line(error)}")
            return None
        self._budget.count(f"{training} curve", time.monotonic() - began)
        return curve

    def _last_resort(self) -> MitigationSpec | None:
        rest = last_resort(self.tried)
        return rest if rest and self._can_interpolate(rest) and rest not in self.left else None

    def _can_interpolate(self, candidate: MitigationSpec) -> bool:
        return unfit(candidate_config(candidate.interpolated(0.5), self.session.config)) is None

    @property
    def _budget(self) -> SearchBudget:
        run = SearchRun(self.session.workspace.path)
        return SearchBudget(self.session.config.mitigation_search, run, self.tried, self.seconds)

    def _leave(self, candidate: MitigationSpec, why: str) -> None:
        self._say(f"{candidate} {why}")
        self.left.append(candidate)

    def _say(self, message: str) -> None:
        self.session.observer(Notice("mitigation_search", message))


def _of_the_candidate(error: BaseException) -> bool:
    """Whether another candidate may well succeed."""
    of_settings = (ConfigError, DataError, MetricError, ModelError, PairingError, TrainingError)
    return (isinstance(error, of_settings) and not isinstance(error, ProcessLost)) or out_of_memory(error)


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
