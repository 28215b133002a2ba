"""`tune --auto`: climb from the cheapest remedy until every declared ability is kept on development items.

Nothing here reads a verdict item or a test row: the climb sees `DevItems`, a rung's worth is a `DevEvidence`, and the
chosen rung goes on to the same final scoring as any run.
"""

from __future__ import annotations

import gc
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from keeptune.api.abilities import wanted_abilities
from keeptune.api.ask import Asker, load_for_asking
from keeptune.api.prepare import Metrics, Rows, new_tokens
from keeptune.api.train import train
from keeptune.api.verdict_pass import Answering
from keeptune.config.keep import HARNESS
from keeptune.config.schema import DataConfig, ModelConfig, TuneConfig
from keeptune.data.encode import Encoder
from keeptune.errors import ConfigError
from keeptune.events import Notice, Observer, RungDone
from keeptune.export.save import saved_tuned
from keeptune.forgetting.compare import compare, pair
from keeptune.forgetting.drop import measure_drop
from keeptune.forgetting.measurable import why_not_measurable
from keeptune.forgetting.paired_scores import paired_scores
from keeptune.mitigation.choose import Choice, choose, enough
from keeptune.mitigation.rungs import PLAIN, ROUTE, cost_of, rung_config, rungs_of
from keeptune.records import (
    Ability,
    DevDrop,
    DevEvidence,
    EvalRecord,
    Example,
    LadderReport,
    TrainingSummary,
    Undefined,
    to_plain,
)
from keeptune.scoring.table import get_metric
from keeptune.store.atomic import write_json

RUNGS = "rungs"
LADDER = "ladder.json"


@dataclass(frozen=True, slots=True)
class DevItems:
    """What a climb may look at."""

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
class Climbed:
    """The end of a climb: its weights lie in the run folder as those of any run."""

    report: LadderReport
    summary: TrainingSummary
    routed: bool


@dataclass(slots=True)
class Climb:
    """One climb. A call makes it; rungs that an earlier start has trained or asked are not done again."""

    config: TuneConfig
    run: Path
    rows: Rows
    encoder: Encoder
    metrics: Metrics
    observer: Observer
    seconds: dict[str, float]
    _base: DevAnswers = field(init=False)
    _items: DevItems = field(init=False)

    def __call__(self) -> Climbed:
        """Climb, choose, and put the choice's weights into the run folder.

        Raises:
            ConfigError: no ability was declared, or none can be measured on development items.
        """
        began = time.monotonic()
        self._items = self._dev_items()
        self._base = self._ask(self.config.model)
        self._items = replace(self._items, abilities=tuple(self._measurable()))
        waiting = [PLAIN, *rungs_of(self.config)]
        tried: list[DevEvidence] = []
        while waiting and not self._ended(tried, began):
            tried.append(self._try(waiting.pop(0)))
            self.observer(RungDone(tried[-1]))
        choice = choose(tried, self.config.ladder.min_gain)
        summary = self._take(choice)
        seconds = sum(rung.trained_seconds + rung.asked_seconds for rung in tried)
        self.seconds["ladder"] = seconds
        report = LadderReport(tuple(tried), choice.rung.rung, choice.reason, choice.enough, tuple(waiting), seconds)
        write_json(self.run / LADDER, to_plain(report))
        return Climbed(report, summary, choice.rung.routed)

    def _dev_items(self) -> DevItems:
        measure = self.config.measure
        if not measure.keep:
            raise ConfigError("the ladder needs to know what must be kept", "name it with --keep, or leave --auto out")
        for keep in measure.keep:
            if keep.data.startswith(HARNESS):
                raise ConfigError(
                    f"{keep.name} is a task of lm-evaluation-harness, which has no development items of its own",
                    "give its items as a file, or leave --auto out",
                )
        if not self.rows.validation:
            raise ConfigError("the ladder needs rows to see the gain on", "raise --validation-fraction")
        data = DataConfig(max_length=self.config.data.max_length, too_long=self.config.data.too_long)
        declared = replace(measure, abilities=("none",))
        return DevItems(self.rows.validation, tuple(wanted_abilities(declared, data, self.encoder, self.observer)))

    def _measurable(self) -> Sequence[Ability]:
        found = []
        for ability in self._items.abilities:
            records = self._base.abilities[ability.name]
            why = why_not_measurable(ability, get_metric(ability.metrics[0]), records, records)
            if why:
                self.observer(Notice("ladder", f"{ability.name} is left out of the climb: {why}"))
            else:
                found.append(ability)
        if not found:
            raise ConfigError("none of the declared abilities can be measured with this model", "declare others")
        return found

    def _ended(self, tried: Sequence[DevEvidence], began: float) -> bool:
        ladder = self.config.ladder
        if tried and enough(tried[-1], tried[0], ladder.min_gain):
            return True
        trained = sum(rung.trained_seconds > 0 for rung in tried)
        if ladder.max_rungs is not None and trained >= ladder.max_rungs:
            return True
        minutes = ladder.ladder_minutes
        return bool(tried) and minutes is not None and time.monotonic() - began > 60 * minutes

    def _folder(self, rung: str) -> Path:
        return self.run / RUNGS / (PLAIN if rung == ROUTE else rung)

    def _try(self, rung: str) -> DevEvidence:
        """Train and ask one rung."""
        config = rung_config(rung, self.config)
        folder = self._folder(rung)
        folder.mkdir(parents=True, exist_ok=True)
        seconds: dict[str, float] = {}
        summary = train(config, folder, self.rows, self.encoder, self.metrics, self.observer, seconds)
        began = time.monotonic()
        answers = self._ask(replace(config.model, name=str(saved_tuned(folder)), revision=None))
        metric = self.metrics.primary
        task = compare(self._base.task, answers.task, metric)
        return DevEvidence(
            rung=rung,
            cost=cost_of(rung),
            metric=metric.name,
            items=task.items,
            base=task.before,
            score=task.after,
            gain=task.after - task.before if metric.higher_is_better else task.before - task.after,
            drops=tuple(self._drop(ability, answers) for ability in self._items.abilities),
            routed=rung == ROUTE,
            trained_seconds=0.0 if rung == ROUTE or config.mend.dial != 1.0 else summary.seconds,
            asked_seconds=time.monotonic() - began,
        )

    def _drop(self, ability: Ability, answers: DevAnswers) -> DevDrop:
        metric = get_metric(ability.metrics[0])
        scores = paired_scores(pair(self._base.abilities[ability.name], answers.abilities[ability.name]), metric)
        before, after = (0.0 if isinstance(score, Undefined) else score for score in scores.corpus())
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

    def _ask(self, model: ModelConfig) -> DevAnswers:
        """Development items alone; answers of earlier runs are used again."""
        loaded = load_for_asking(model)
        budget = self.config.evaluation.token_budget
        room = new_tokens(self.config.evaluation, self.encoder, self.rows.train)
        asker = Asker(self.encoder, self.metrics, room, budget, self.observer)
        task = asker.ask(loaded, self._items.task, self._items.task, "the task, dev", cache=True)
        answering = Answering(loaded, self.encoder, budget, "dev", self.observer)
        abilities = {ability.name: answering.ask(ability, ability.dev) for ability in self._items.abilities}
        del loaded, answering
        gc.collect()
        return DevAnswers(task, abilities)

    def _take(self, choice: Choice) -> TrainingSummary:
        """Move the chosen weights to where a run has them, and let the others go."""
        folder = self._folder(choice.rung.rung)
        config = rung_config(choice.rung.rung, self.config)
        summary = train(config, folder, self.rows, self.encoder, self.metrics, self.observer, {})
        weights = saved_tuned(folder)
        if weights is not None and saved_tuned(self.run) is None:
            shutil.copytree(weights, self.run / f".{weights.name}", dirs_exist_ok=True)
            (self.run / f".{weights.name}").rename(self.run / weights.name)
        return summary
