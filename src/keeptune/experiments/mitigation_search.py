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

from keeptune.abilities.declared import wanted_abilities
from keeptune.assessment.verdict_pass import AbilityEvaluator
from keeptune.config.schema import ModelConfig
from keeptune.data.encode import Encoder, same_tokenizer
from keeptune.data.task_rows import rows_of_user
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
from keeptune.forgetting.compare import compare, pair
from keeptune.forgetting.drop import measure_drop
from keeptune.forgetting.measurable import why_not_measurable
from keeptune.forgetting.paired_scores import paired_scores
from keeptune.forgetting.unscored import filled_pairs
from keeptune.inference.encoding import new_tokens
from keeptune.inference.evaluator import Evaluator, load_for_inference
from keeptune.mitigation.candidates import PLAIN, ROUTE, candidate_config, cost_of, refuse_nothing_to_keep, training_of
from keeptune.mitigation.choose_candidate import choose, enough, next_alpha
from keeptune.mitigation.fit import unfit
from keeptune.models.memory import out_of_memory
from keeptune.records import (
    Ability,
    DevDrop,
    DevEvidence,
    EvalRecord,
    Example,
    MitigationSearchReport,
    TrainingSummary,
    Undefined,
)
from keeptune.scoring.table import get_metric
from keeptune.training.replay_data import check_replayed
from keeptune.training.session import Session
from keeptune.training.train import train
from keeptune.workspace.atomic import atomic_folder
from keeptune.workspace.lineage import is_adapter
from keeptune.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True)
class DevItems:
    """What a search may look at."""

    task: tuple[Example, ...]
    """The slice of train that no step learns from."""
    abilities: tuple[Ability, ...]
    """Declared ones; only their `dev` is asked."""


@dataclass(frozen=True, slots=True)
class DevAnswers:
    """One model's records of the development items."""

    task: list[EvalRecord]
    abilities: dict[str, list[EvalRecord]]


@dataclass(frozen=True, slots=True)
class Made:
    """The model of one candidate."""

    model: ModelConfig
    summary: TrainingSummary | None
    """Of the training behind it; None where another tool made it."""


Maker = Callable[[str], Made]
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

    def __call__(self, candidate: str) -> Made:
        """Train, unless an earlier start or a run beside this one has."""
        config = candidate_config(candidate, self.session.config)
        run = self.session.run.candidate(PLAIN if candidate == ROUTE else candidate)
        run.path.mkdir(parents=True, exist_ok=True)
        summary = train(self.session.for_candidate(config, run))
        return Made(replace(config.model, name=str(run.weights), revision=None), summary)


@dataclass(slots=True)
class MitigationSearch:
    """One search. A call makes it; candidates that an earlier start has trained or asked are not done again."""

    session: Session
    """Its model and encoder are the base's."""
    make: Maker
    encoder: Encoder
    """Of all candidates: each model is asked in its own form."""
    candidates: Sequence[str]
    """In their order, the plain training first."""
    _base: DevAnswers = field(init=False)
    _items: DevItems = field(init=False)

    def __call__(self) -> SearchOutcome:
        """MitigationSearch and choose.

        Raises:
            ConfigError: no ability was declared, or none can be measured on development items.
        """
        began = time.monotonic()
        self._items = self._dev_items()
        self._base = self._ask(self.session.config.model, self.session.encoder)
        self._items = replace(self._items, abilities=tuple(self._measurable()))
        tried: list[DevEvidence] = []
        left: list[str] = []
        waiting = deque(self.candidates)
        while waiting:
            candidate = waiting.popleft()
            if self._is_left(candidate, tried, began):
                left.append(candidate)
                continue
            try:
                tried.append(self._try(candidate, _is_trained(candidate, tried)))
            except (KeeptuneError, RuntimeError) as error:
                if not tried or not _of_the_candidate(error):
                    raise
                self.session.observer(Notice("mitigation_search", f"{candidate} cannot be tried: {first_line(error)}"))
                left.append(candidate)
                if candidate == training_of(candidate):
                    # Its interpolations would train it once more.
                    left += [other for other in waiting if training_of(other) == candidate]
                    waiting = deque(other for other in waiting if training_of(other) != candidate)
                continue
            self.session.observer(CandidateDone(tried[-1]))
            interpolation = next_alpha(tried, self.session.config.mitigation_search.min_gain)
            if interpolation is not None and unfit(candidate_config(interpolation, self.session.config)) is None:
                waiting = deque([interpolation, *(other for other in waiting if other != interpolation)])
            elif any(enough(one, tried[0], self.session.config.mitigation_search.min_gain) for one in tried):
                break
        left += waiting
        choice = choose(tried, self.session.config.mitigation_search.min_gain)
        seconds = sum(candidate.trained_seconds + candidate.asked_seconds for candidate in tried)
        self.session.seconds["mitigation_search"] = seconds
        report = MitigationSearchReport(
            tuple(tried), choice.candidate.candidate, choice.reason, choice.enough, tuple(left), seconds
        )
        self.session.run.write_mitigation_search(report)
        return SearchOutcome(report, self.make(choice.candidate.candidate), choice.candidate.routed)

    def _dev_items(self) -> DevItems:
        measure = self.session.config.measure
        refuse_nothing_to_keep(self.session.config)
        check_replayed(self.session.config)
        if not self.session.rows.validation:
            raise ConfigError("the mitigation search needs rows to see the gain on", "raise --validation-fraction")
        data = rows_of_user(self.session.config.data)
        declared = replace(measure, abilities=("none",))
        abilities = wanted_abilities(declared, data, self.session.encoder, self.session.observer)
        return DevItems(self.session.rows.validation, tuple(abilities))

    def _measurable(self) -> Sequence[Ability]:
        found = []
        for ability in self._items.abilities:
            records = self._base.abilities[ability.name]
            metric = get_metric(ability.metrics[0])
            score, _ = paired_scores(pair(records, records), metric).corpus()
            if isinstance(score, Undefined):
                why = f"its development items have no score: {score.reason}"
            elif ability.output_type == "loss" and not same_tokenizer(self.session.encoder, self.encoder):
                why = "the two models have other tokenizers, so that no losses can be compared"
            else:
                told = why_not_measurable(ability, metric, records)
                why = told.reason if isinstance(told, Undefined) else told
            if why:
                self.session.observer(Notice("mitigation_search", f"{ability.name} is left out of the search: {why}"))
            else:
                found.append(ability)
        if not found:
            raise ConfigError(
                "none of the declared abilities can be measured with this model",
                "declare others, or more of their items",
            )
        return found

    def _is_left(self, candidate: str, tried: Sequence[DevEvidence], began: float) -> bool:
        """There is no budget for it."""
        mitigation_search = self.session.config.mitigation_search
        if not tried:
            return False
        # What an earlier start or another run has trained counts, too.
        spent = max(time.monotonic() - began, sum(one.trained_seconds + one.asked_seconds for one in tried))
        if mitigation_search.search_minutes is not None and spent > 60 * mitigation_search.search_minutes:
            return True
        trained = sum(one.trained_seconds > 0 for one in tried)
        return (
            mitigation_search.max_candidates is not None
            and trained >= mitigation_search.max_candidates
            and not _is_trained(candidate, tried)
        )

    def _try(self, candidate: str, is_trained: bool) -> DevEvidence:
        """Make and ask one candidate; the time of a training that another one has had is not counted again."""
        # What one that failed has left.
        gc.collect()
        made = self.make(candidate)
        began = time.monotonic()
        answers = self._ask(made.model, self.encoder)
        metric = self.session.metrics.primary
        task = compare(self._base.task, answers.task, metric)
        return DevEvidence(
            candidate=candidate,
            cost=cost_of(candidate),
            metric=metric.name,
            items=task.items,
            base=task.before,
            score=task.after,
            gain=task.after - task.before if metric.higher_is_better else task.before - task.after,
            drops=tuple(self._drop(ability, answers) for ability in self._items.abilities),
            routed=candidate == ROUTE,
            trained_seconds=made.summary.seconds if made.summary and not is_trained else 0.0,
            asked_seconds=self._asked(candidate, time.monotonic() - began),
        )

    def _asked(self, candidate: str, seconds: float) -> float:
        """The most that an earlier start or this one took: answers that were there already took others' time."""
        run = self.session.run
        seconds = max(seconds, run.candidate_seconds(candidate))
        run.write_candidate_seconds(candidate, seconds)
        return seconds

    def _drop(self, ability: Ability, answers: DevAnswers) -> DevDrop:
        metric = get_metric(ability.metrics[0])
        pairs = pair(self._base.abilities[ability.name], answers.abilities[ability.name])
        # What a candidate left without a score must not speak for it.
        scores = paired_scores(filled_pairs(pairs, metric, fallen=True), metric)
        before, after = scores.corpus()
        if isinstance(before, Undefined) or isinstance(after, Undefined):
            reasons = [score.reason for score in (before, after) if isinstance(score, Undefined)]
            raise MetricError(f"{ability.name} has no score: {reasons[0]}", "give it items that the metric can score")
        return DevDrop(
            name=ability.name,
            metric=metric.name,
            items=scores.items,
            margin=ability.margin,
            base=before,
            after=after,
            drop=before - after if metric.higher_is_better else after - before,
            interval=measure_drop(scores, ability.margin).interval,
        )

    def _ask(self, model: ModelConfig, encoder: Encoder) -> DevAnswers:
        """Development items alone; answers of earlier runs are used again."""
        loaded = load_for_inference(model)
        budget = self.session.config.evaluation.token_budget
        rows = self.session.rows
        room = new_tokens(self.session.config.evaluation, self.session.encoder, rows.train or rows.validation)
        evaluator = Evaluator(encoder, self.session.metrics, room, budget, self.session.observer)
        task = evaluator.evaluate(loaded, self._items.task, self._items.task, "the task, dev", cache=True)
        ability_evaluator = AbilityEvaluator(loaded, encoder, budget, "dev", self.session.observer)
        abilities = {
            ability.name: ability_evaluator.evaluate(ability, ability.dev) for ability in self._items.abilities
        }
        del loaded, ability_evaluator
        gc.collect()
        return DevAnswers(task, abilities)


def _of_the_candidate(error: BaseException) -> bool:
    """Whether another candidate may well succeed."""
    of_settings = (ConfigError, DataError, MetricError, ModelError, PairingError, TrainingError)
    return isinstance(error, of_settings) or out_of_memory(error)


def _is_trained(candidate: str, tried: Sequence[DevEvidence]) -> bool:
    return training_of(candidate) in (training_of(one.candidate) for one in tried)


def settle(model: ModelConfig, run: Workspace) -> Path:
    """Put the weights that were chosen where a run has them, in the place of those that an earlier start has put there:
    with another budget, a search may end elsewhere."""
    weights = Path(model.name)
    place, other = (run.adapter, run.model) if is_adapter(weights) else (run.model, run.adapter)
    shutil.rmtree(other, ignore_errors=True)
    with atomic_folder(place) as partial:
        shutil.copytree(weights, partial, dirs_exist_ok=True)
    return place
