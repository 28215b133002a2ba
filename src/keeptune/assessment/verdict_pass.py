"""Asking both models about every ability: the part of a measure that the verdicts rest on."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from keeptune.abilities.declared import scored_by, task_of
from keeptune.abilities.lm_eval import evaluate_harness
from keeptune.config.keep import HARNESS
from keeptune.config.schema import Keep, MeasureConfig
from keeptune.data.encode import Encoder
from keeptune.data.lm_eval_task import HarnessTask, by_metrics
from keeptune.data.task_metrics import Metrics
from keeptune.errors import ConfigError
from keeptune.events import Notice, Observer
from keeptune.inference.evaluator import Evaluator
from keeptune.models.load import LoadedModel
from keeptune.records import Ability, EvalRecord, Example
from keeptune.scoring.harness_metric import PREFIX
from keeptune.statistics.looks import level_of

Records = list[EvalRecord]
SLICE = 50
"""Items of one ability asked at a time where minutes are limited."""


@dataclass(slots=True)
class Asked:
    """What one model answered."""

    items: dict[str, Records] = field(default_factory=dict)
    """Ability → records of its verdict items."""
    dev: dict[str, Records] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AbilityEvaluator:
    """How one model is asked about abilities."""

    loaded: LoadedModel
    encoder: Encoder
    token_budget: int
    name: str
    """``base`` or ``tuned``."""
    observer: Observer

    def evaluate(self, ability: Ability, asked: Sequence[Example], part: str = "") -> Records:
        """Records of `asked`, items of this ability in any of its forms; answers of earlier runs are used again."""
        return self.evaluate_by(ability, Metrics(scored_by(ability), ""), asked, part)

    def evaluate_by(self, ability: Ability, metrics: Metrics, asked: Sequence[Example], part: str = "") -> Records:
        """The same by other metrics than the ability's."""
        evaluator = Evaluator(self.encoder, metrics, ability.max_new_tokens, self.token_budget, self.observer)
        title = f"{ability.name}{f', {part}' if part else ''} ({self.name})"
        return evaluator.evaluate(self.loaded, asked, asked, title, cache=True)


def evaluate_abilities(
    ability_evaluator: AbilityEvaluator, abilities: Sequence[Ability], seconds: float | None, *, dev: bool
) -> Asked:
    """All items of every ability; with `seconds`, slices of whole clusters in turn until the time is over: dev items
    and each ability's first slice in any case.

    Args:
        dev: ask the dev items too, which only the base is asked.
    """
    asked = Asked()
    began = time.monotonic()
    if dev:
        asked.dev = {
            ability.name: ability_evaluator.evaluate(ability, ability.dev, "dev")
            for ability in abilities
            if ability.dev
        }
    if seconds is None:
        asked.items = {ability.name: ability_evaluator.evaluate(ability, ability.items) for ability in abilities}
        return asked
    end = began + seconds
    asked.items = {ability.name: [] for ability in abilities}
    slices = {ability.name: _slices(ability.items) for ability in abilities}
    for turn in range(max((len(parts) for parts in slices.values()), default=0)):
        for ability in abilities:
            if turn < len(slices[ability.name]) and (turn == 0 or time.monotonic() < end):
                asked.items[ability.name] += ability_evaluator.evaluate(ability, slices[ability.name][turn])
    return asked


def _slices(items: Sequence[Example]) -> list[list[Example]]:
    """Whole clusters together, about `SLICE` items each."""
    by_cluster = sorted(items, key=lambda example: example.cluster)
    clusters = [list(same) for _, same in groupby(by_cluster, key=lambda example: example.cluster)]
    order = {example.cluster: place for place, example in reversed(list(enumerate(items)))}
    found: list[list[Example]] = [[]]
    for cluster in sorted(clusters, key=lambda same: order[same[0].cluster]):
        if len(found[-1]) >= SLICE:
            found.append([])
        found[-1] += cluster
    return found


def only_answered(
    ability: Ability, base: Records, tuned: Records, observer: Observer
) -> tuple[Ability, Records, Records]:
    """The items that both had time for; what was left out is told."""
    both = {record.item_id for record in base} & {record.item_id for record in tuned}
    if len(both) < len(ability.items):
        observer(
            Notice("minutes", f"{ability.name}: time for {len(both)} of {len(ability.items)} items, in whole clusters")
        )
    return (
        replace(ability, items=tuple(example for example in ability.items if example.id in both)),
        [record for record in base if record.item_id in both],
        [record for record in tuned if record.item_id in both],
    )


def evaluate_tasks(
    loaded: LoadedModel, keeps: Sequence[Keep], limit: int | None, observer: Observer
) -> Mapping[str, tuple[Keep, HarnessTask]]:
    """Tasks of lm-evaluation-harness among the declared abilities, asked by its own code; name → declaration, task.

    They are not yet `declared`: what two models have in common decides by which metrics.
    """
    found: dict[str, tuple[Keep, HarnessTask]] = {}
    for keep in harness_tasks(keeps):
        asked = evaluate_harness(loaded, [task_of(keep)], limit, observer)
        for task, (ability, records) in asked.items():
            name = keep.name if len(asked) == 1 else f"{keep.name}/{task}"
            found[name] = keep, HarnessTask(ability, records)
    return found


def harness_tasks(keeps: Sequence[Keep]) -> list[Keep]:
    """Those of lm-evaluation-harness."""
    return [keep for keep in keeps if keep.data.startswith(HARNESS)]


def declared(ability: Ability, keep: Keep, name: str) -> Ability:
    """A task's ability as the user declared it.

    Raises:
        ConfigError: the harness gave it no such metric.
    """
    metrics = ability.metrics
    if keep.metric is not None:
        fitting = [metric for metric in metrics if metric.removeprefix(PREFIX).split(":")[0] == keep.metric]
        if not fitting:
            raise ConfigError(
                f"the task {keep.data} has no metric {keep.metric!r}",
                f"it has: {', '.join(metric.removeprefix(PREFIX) for metric in metrics)}",
            )
        metrics = (*fitting, *(metric for metric in metrics if metric not in fitting))
    ability = by_metrics(ability, metrics)
    margin = ability.margin if keep.margin is None else keep.margin
    return replace(ability, name=name, declared=True, margin=margin)


def tell_looks(measure: MeasureConfig, observer: Observer) -> float:
    """The level of the intervals of drops; where more than one look is planned, what it stands for is said."""
    level = level_of(measure.looks)
    if measure.looks > 1:
        told = (
            f"one of {measure.looks} planned looks: intervals of drops are at {100 * level:.1f} %, so that all looks "
            f"together are wrong as rarely as one at 95 %; each look adds as many items, and look {measure.looks} is "
            "the last"
        )
        observer(Notice("looks", told))
    return level
