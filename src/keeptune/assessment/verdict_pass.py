"""Evaluate both models on every ability, as the basis of the verdicts."""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from keeptune.assessment.blocks import SIDES, ask_in_blocks, in_blocks, planned_of
from keeptune.assessment.harness_tasks import declared, evaluate_tasks, harness_tasks
from keeptune.assessment.two_models import AbilityEvaluator, Both, Records, TwoModels
from keeptune.config.schema import Keep, MeasureConfig
from keeptune.data.lm_eval_task import HarnessTask, same_ability
from keeptune.events import Notice, Observer, silent
from keeptune.forgetting.measurable import why_not_measurable
from keeptune.forgetting.verdict import Confidence, decided_early, judge
from keeptune.inference.evaluator import tell_model
from keeptune.models.computing import model_facts
from keeptune.records import Ability, Example
from keeptune.scoring.table import get_metric
from keeptune.statistics.confidence_sequence import Planned
from keeptune.statistics.looks import level_of
from keeptune.workspace.manifest import ModelFacts

SLICE = 50
"""Items of one ability per slice if the minutes are limited."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The answers of one model."""

    model: ModelFacts
    items: Mapping[str, Records]
    """Ability → records of its verdict items."""
    dev: Mapping[str, Records]
    tasks: Mapping[str, tuple[Keep, HarnessTask]]


@dataclass(frozen=True, slots=True)
class VerdictPass:
    """The answers of both models."""

    abilities: Sequence[Ability]
    """The abilities as evaluated: the items that both models had time for, and the harness's tasks."""
    answered: Mapping[str, Both]
    """Ability → records of its verdict items."""
    dev: Mapping[str, Records]
    """Ability → the base's records of its development items."""
    models: Sequence[ModelFacts]
    """Facts about the loaded models; without the tuned one if the base stands for it."""
    planned: Mapping[str, Planned] = field(default_factory=dict)
    """For each ability evaluated in blocks: all that was planned."""


def evaluate_both(
    models: TwoModels, abilities: Sequence[Ability], measure: MeasureConfig, seconds: dict[str, float], *, routed: bool
) -> VerdictPass:
    """Evaluate one model at a time: the base, then the tuned; in blocks if evaluation may stop early.

    Args:
        seconds: each model's time is added.
        routed: the base answers everything except the task, so it stands for the tuned model.
    """
    if measure.minutes is not None and measure.items is None and any(harness_tasks(measure.keep)):
        models.observer(Notice("time", "tasks of lm-evaluation-harness run in full; --items limits them"))
    planned: dict[str, Planned] = {}
    if measure.sequential and not routed:
        planned = {a.name: planned_of(a.items) for a in abilities if len(in_blocks(a.items)) > 1}
        base, tuned = _until_decided(models, abilities, measure, planned, seconds)
    else:
        base = _evaluated(models, "base", abilities, measure, seconds)
        if routed:
            models.observer(Notice("routed", "the base answers all but the task, so nothing else can change"))
        tuned = base if routed else _evaluated(models, "tuned", abilities, measure, seconds)
    kept: list[Ability] = []
    answered: dict[str, Both] = {}
    for ability in abilities:
        of_base, of_tuned = base.items[ability.name], tuned.items[ability.name]
        observer = silent if ability.name in planned else models.observer
        ability, of_base, of_tuned = only_answered(ability, of_base, of_tuned, observer)
        kept.append(ability)
        answered[ability.name] = (of_base, of_tuned)
    for name, (keep, task) in base.tasks.items():
        other = tuned.tasks[name][1]
        kept.append(declared(same_ability(task.ability, other.ability), keep, name))
        answered[name] = (task.records, other.records)
    facts = [base.model] if routed else [base.model, tuned.model]
    return VerdictPass(kept, answered, base.dev, facts, planned)


def _until_decided(
    models: TwoModels,
    abilities: Sequence[Ability],
    measure: MeasureConfig,
    planned: Mapping[str, Planned],
    seconds: dict[str, float],
) -> tuple[Asked, Asked]:
    """Evaluate both models in turns until every ability is decided or evaluated in full, or the minutes are over."""
    began: dict[str, Asked] = {}

    def load(side: str) -> AbilityEvaluator:
        evaluator = models.load(side)
        if side not in began:
            tasks = evaluate_tasks(evaluator.loaded, measure.keep, measure.items, models.observer)
            began[side] = replace(_begun(models, evaluator, abilities), tasks=tasks)
        return evaluator

    confidence = confidence_of(measure, abilities, silent)
    confidence = replace(confidence, family=confidence.family + len(harness_tasks(measure.keep)))

    def decided(ability: Ability, base: Records, tuned: Records) -> bool:
        dev = began["base"].dev.get(ability.name, ())
        why = why_not_measurable(ability, get_metric(ability.metrics[0]), dev)
        if isinstance(why, str) and why:
            return True  # No answer to a verdict item would change that.
        at = replace(confidence, planned=planned[ability.name])
        return decided_early(judge(ability, base, tuned, dev, confidence=at), at)

    end = None if measure.minutes is None else time.monotonic() + 60.0 * measure.minutes
    answered = ask_in_blocks(load, abilities, decided, end, seconds)
    asked, most = (sum(map(len, items)) for items in ([b for b, _ in answered.values()], [a.items for a in abilities]))
    models.observer(Notice("sequential", f"{asked:,} of {most:,} items decided the verdicts"))
    base, tuned = (
        replace(began[side], items={name: both[place] for name, both in answered.items()})
        for place, side in enumerate(SIDES)
    )
    return base, tuned


def _evaluated(
    models: TwoModels, name: str, abilities: Sequence[Ability], measure: MeasureConfig, seconds: dict[str, float]
) -> Asked:
    """Evaluate one model for half of the available minutes; the base also on development items."""
    began = time.monotonic()
    evaluator = models.load(name)
    end = None if measure.minutes is None else time.monotonic() + 30.0 * measure.minutes
    asked = _begun(models, evaluator, abilities)
    items = _in_time(evaluator, abilities, end)
    tasks = evaluate_tasks(evaluator.loaded, measure.keep, measure.items, models.observer)
    del evaluator
    gc.collect()
    seconds[f"verdict_{name}"] = time.monotonic() - began
    return replace(asked, items=items, tasks=tasks)


def _begun(models: TwoModels, evaluator: AbilityEvaluator, abilities: Sequence[Ability]) -> Asked:
    """Describe the model; evaluate the base on development items."""
    loaded, name = evaluator.loaded, evaluator.name
    tell_model(loaded, models.observer)
    facts = model_facts(models.models[name].name, loaded)
    asks = [ability for ability in abilities if ability.dev] if name == "base" else []
    dev = {ability.name: evaluator.evaluate(ability, ability.dev, "dev") for ability in asks}
    return Asked(facts, {}, dev, {})


def _in_time(evaluator: AbilityEvaluator, abilities: Sequence[Ability], end: float | None) -> Mapping[str, Records]:
    """Evaluate the items of every ability. With `end`, it takes slices of whole clusters in turn until that time, and
    at least one slice of each ability."""
    if end is None:
        return {ability.name: evaluator.evaluate(ability, ability.items) for ability in abilities}
    items: dict[str, Records] = {ability.name: [] for ability in abilities}
    slices = {ability.name: _slices(ability.items) for ability in abilities}
    for turn in range(max((len(parts) for parts in slices.values()), default=0)):
        for ability in abilities:
            if turn < len(slices[ability.name]) and (turn == 0 or time.monotonic() < end):
                items[ability.name] += evaluator.evaluate(ability, slices[ability.name][turn])
    return items


def _slices(items: Sequence[Example]) -> list[list[Example]]:
    """Slices of about `SLICE` items, in whole clusters."""
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
    """The items that both models had time for. A notice reports what was left out."""
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


def confidence_of(measure: MeasureConfig, abilities: Sequence[Ability], observer: Observer) -> Confidence:
    """The confidence level of drops. If more than one look is planned, a notice explains it."""
    level = level_of(measure.looks)
    if measure.looks > 1:
        told = (
            f"one of {measure.looks} planned looks: intervals of drops are at {100 * level:.1f} %, so that all looks "
            f"together are wrong as rarely as one at 95 %; each look adds as many items, and look {measure.looks} is "
            "the last"
        )
        observer(Notice("looks", told))
    return Confidence(level, sum(ability.declared for ability in abilities))
