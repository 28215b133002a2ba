"""What a candidate gains and loses against the base, on development items alone."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass, replace

from keeptune.abilities.declared import wanted_abilities
from keeptune.assessment.blocks import in_blocks, planned_of
from keeptune.assessment.two_models import AbilityEvaluator
from keeptune.config.schema import ModelConfig
from keeptune.data.encode import Encoder, same_tokenizer
from keeptune.data.task_rows import rows_of_user
from keeptune.errors import ConfigError, MetricError
from keeptune.events import Notice
from keeptune.forgetting.compare import compare, pair
from keeptune.forgetting.drop import measure_drop
from keeptune.forgetting.measurable import why_not_measurable
from keeptune.forgetting.paired_scores import paired_scores
from keeptune.forgetting.sequential import side_of
from keeptune.forgetting.unscored import filled_pairs
from keeptune.inference.encoding import new_tokens
from keeptune.inference.evaluator import Evaluator, load_for_inference
from keeptune.mitigation.candidates import refuse_nothing_to_keep
from keeptune.mitigation.choose_candidate import HALF
from keeptune.mitigation.spec import MitigationSpec
from keeptune.records import Ability, DevDrop, DevEvidence, EvalRecord, Example, Undefined
from keeptune.scoring.table import get_metric
from keeptune.statistics.planning import ALPHA
from keeptune.training.replay_data import check_replayed
from keeptune.training.session import Session


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
class DevComparison:
    """Evaluates candidates, and compares each with the base."""

    session: Session
    """Its model and encoder are the base's."""
    encoder: Encoder
    """Of all candidates."""
    items: DevItems
    base: DevAnswers

    def evidence(self, candidate: MitigationSpec, model: ModelConfig) -> DevEvidence:
        """What the model of `candidate` gains and loses; its seconds are 0."""
        base = self.base if self.session.config.measure.sequential else None
        answers = _answers(self.session, model, self.encoder, self.items, base)
        metric = self.session.metrics.primary
        task = compare(self.base.task, answers.task, metric)
        return DevEvidence(
            candidate=str(candidate),
            cost=candidate.cost,
            metric=metric.name,
            items=task.items,
            base=task.before,
            score=task.after,
            gain=task.after - task.before if metric.higher_is_better else task.before - task.after,
            drops=tuple(self._drop(ability, answers) for ability in self.items.abilities),
            routed=candidate.routed,
            trained_seconds=0.0,
            asked_seconds=0.0,
        )

    def _drop(self, ability: Ability, answers: DevAnswers) -> DevDrop:
        other = answers.abilities[ability.name]
        evaluated = {record.item_id for record in other}
        base = [record for record in self.base.abilities[ability.name] if record.item_id in evaluated]
        return dev_drop(ability, base, other)


def dev_drop(ability: Ability, base: Sequence[EvalRecord], other: Sequence[EvalRecord]) -> DevDrop:
    """The drop of an ability from `base` to `other`, records of the same development items.

    Raises:
        MetricError: one of the two has no score.
    """
    metric = get_metric(ability.metrics[0])
    # What a candidate left without a score must not speak for it.
    scores = paired_scores(filled_pairs(pair(base, other), metric, fallen=True), metric)
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


def compared_with_base(session: Session, encoder: Encoder) -> DevComparison:
    """Evaluate the base on the development items, and leave out the abilities that cannot be measured on them.

    Raises:
        ConfigError: no ability was declared, or none can be measured on development items.
    """
    items = _dev_items(session)
    base = _answers(session, session.config.model, session.encoder, items)
    same = same_tokenizer(session.encoder, encoder)
    reasons = {
        ability.name: why_left_out(ability, base.abilities[ability.name], same=same) for ability in items.abilities
    }
    for name, why in reasons.items():
        if why:
            session.observer(Notice("mitigation_search", f"{name} is left out of the search: {why}"))
    abilities = tuple(ability for ability in items.abilities if not reasons[ability.name])
    if not abilities:
        raise ConfigError(
            f"none of the declared abilities can be measured on development items: {'; '.join(reasons.values())}",
            "declare others, or more of their items",
        )
    return DevComparison(session, encoder, replace(items, abilities=abilities), base)


def _dev_items(session: Session) -> DevItems:
    config = session.config
    refuse_nothing_to_keep(config)
    check_replayed(config)
    if not session.rows.validation:
        raise ConfigError("the mitigation search needs validation rows for the gain", "raise --validation-fraction")
    declared = replace(config.measure, abilities=("none",))
    abilities = wanted_abilities(declared, rows_of_user(config.data), session.encoder, session.observer)
    return DevItems(session.rows.validation, tuple(abilities))


def why_left_out(ability: Ability, records: Sequence[EvalRecord], *, same: bool) -> str:
    """Why an ability cannot be measured on the base's `records` of its development items; "" where it can."""
    metric = get_metric(ability.metrics[0])
    score, _ = paired_scores(pair(records, records), metric).corpus()
    if isinstance(score, Undefined):
        return f"its development items have no score: {score.reason}"
    if ability.output_type == "loss" and not same:
        return "the tokenizers differ, so losses cannot be compared"
    found = why_not_measurable(ability, metric, records)
    return found.reason if isinstance(found, Undefined) else found


def until_out(evaluator: AbilityEvaluator, ability: Ability, base: Sequence[EvalRecord]) -> list[EvalRecord]:
    """Evaluate the development items in blocks, until the drop is surely more than the share of the margin by which a
    candidate keeps an ability. `base` are its records of all of them."""
    before = {record.item_id: record for record in base}
    planned, limit = planned_of(ability.dev), HALF * ability.margin
    found: list[EvalRecord] = []
    for block in in_blocks(ability.dev, ability.name):
        found += evaluator.evaluate(ability, block)
        pairs = pair([before[record.item_id] for record in found], found)
        if side_of(pairs, get_metric(ability.metrics[0]), limit, ALPHA, planned) == "above":
            break
    return found


def _answers(
    session: Session, model: ModelConfig, encoder: Encoder, items: DevItems, base: DevAnswers | None = None
) -> DevAnswers:
    """Of one model, to the development items alone; answers of earlier runs are used again.

    Args:
        base: of which an ability's drop is looked at after each block; None evaluates all items.
    """
    evaluation, rows, observer = session.config.evaluation, session.rows, session.observer
    loaded = load_for_inference(model)
    room = new_tokens(evaluation, session.encoder, rows.train or rows.validation)
    evaluator = Evaluator(encoder, session.metrics, room, evaluation.token_budget, observer)
    task = evaluator.evaluate(loaded, items.task, items.task, "the task, dev", cache=True)
    ability_evaluator = AbilityEvaluator(loaded, encoder, evaluation.token_budget, "dev", observer)
    abilities = {
        ability.name: until_out(ability_evaluator, ability, base.abilities[ability.name])
        if base
        else ability_evaluator.evaluate(ability, ability.dev)
        for ability in items.abilities
    }
    del loaded, ability_evaluator
    gc.collect()
    return DevAnswers(task, abilities)
