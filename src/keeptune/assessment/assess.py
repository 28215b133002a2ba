"""The measuring part of `tune` and `measure`: evaluate two models on all abilities and write one report."""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from keeptune.abilities.declared import wanted_abilities
from keeptune.assessment.diagnosis import NOT_IN_QUICK, OTHER_TOKENIZERS, SAMPLE_SEED, Diagnosis, diagnosed
from keeptune.assessment.published_base import published_base
from keeptune.assessment.report import ModelCard, with_drift_history, write_report
from keeptune.assessment.task import Task
from keeptune.assessment.two_models import TwoModels, two_models
from keeptune.assessment.verdict_pass import VerdictPass, confidence_of, evaluate_both
from keeptune.config.schema import DataConfig, MeasureConfig, ModelConfig
from keeptune.data.task_rows import rows_of_user
from keeptune.events import Notice, Observer
from keeptune.forgetting.compare import compare
from keeptune.forgetting.confusion import confuse
from keeptune.forgetting.gate import decide
from keeptune.forgetting.verdict import judge
from keeptune.records import (
    SCHEMA_VERSION,
    Ability,
    AbilityReport,
    ForgettingReport,
    MitigationSearchReport,
    RunManifest,
    TuneResult,
    to_plain,
)
from keeptune.training.session import Session
from keeptune.training.trained_items import without_trained_items
from keeptune.workspace.hashing import hash_value
from keeptune.workspace.manifest import make_manifest
from keeptune.workspace.workspace import Workspace

TASK = "the task"
"""Name of the task's table of confusions, next to those of abilities."""


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Measures what was forgotten between two models. A call writes the report to `run`."""

    base: ModelConfig
    tuned: ModelConfig
    measure: MeasureConfig
    data: DataConfig
    """How the user's items are read, and the maximum length of a prompt."""
    token_budget: int
    run: Workspace
    observer: Observer
    routed: bool = False
    """The base answers everything except the task, so its answers count as the tuned model's there."""
    mitigation_search: MitigationSearchReport | None = None
    """How the tuned model was chosen."""
    quantization: ForgettingReport | None = None
    """What the bits of a quantised base alone cost."""

    def __call__(self, task: Task | None, notices: list[str], made: TuneResult | None = None) -> ForgettingReport:
        """The report.

        Args:
            task: for the gain and for intrusion; None without items of the task.
            notices: the notices of the run so far; the observer appends to this list.
            made: how the tuned model was made, for its card; None if unknown.

        Raises:
            KeeptuneError: see the tree in `keeptune.errors`.
        """
        seconds: dict[str, float] = {}
        models = two_models(self.base, self.tuned, self.data, self.token_budget, self.observer)
        same = models.same_tokenizer
        found = evaluate_both(models, self._abilities(models), self.measure, seconds, routed=self.routed)
        confidence = confidence_of(self.measure, found.abilities, self.observer)
        reports = [
            judge(
                ability,
                *found.answered[ability.name],
                found.dev.get(ability.name, ()),
                "" if same or ability.output_type != "loss" else OTHER_TOKENIZERS,
                replace(confidence, planned=found.planned.get(ability.name)),
            )
            for ability in found.abilities
        ]
        decision = decide(reports, _fail_on(self.measure), confidence.alpha)
        lost = any(report.declared and report.verdict in ("lost", "collapsed") for report in decision.abilities)
        diagnosis = Diagnosis(tuple(decision.abilities), NOT_IN_QUICK, NOT_IN_QUICK)
        if (self.measure.extent != "quick" or lost) and not self.routed:
            began = time.monotonic()
            diagnosis = diagnosed(models, found, decision.abilities, task, self.measure)
            gc.collect()
            seconds["diagnosis"] = time.monotonic() - began
        elif not self.routed:
            self.observer(Notice("quick", _quick_power(decision.abilities)))
        confusions = [
            confuse(ability.name, *found.answered[ability.name], ability.metrics[0]) for ability in found.abilities
        ]
        if task and task.examples:
            confusions.insert(0, confuse(TASK, task.base, task.tuned, task.metric.name))
        report = ForgettingReport(
            schema_version=SCHEMA_VERSION,
            path=str(self.run),
            base_name=self.base.name,
            tuned_name=self.tuned.name,
            task=compare(task.base, task.tuned, task.metric, trained_on=task.trained_on)
            if task and (same or task.metric.unit != "nats")
            else None,
            abilities=diagnosis.abilities,
            gate=decision.gate,
            fail_on=_fail_on(self.measure),
            sentences=decision.sentences,
            intrusion=diagnosis.intrusion,
            confusions=tuple(each for each in confusions if each is not None),
            drift=diagnosis.drift,
            drift_history="",
            notices=tuple(dict.fromkeys(notices)),
            config={"base": to_plain(self.base), "tuned": to_plain(self.tuned), "measure": to_plain(self.measure)},
            manifest=self._manifest(found, seconds),
            mitigation_search=self.mitigation_search,
            quantization=self.quantization,
        )
        report = with_drift_history(report, self.run, self.observer)
        write_report(report, found.answered, task, self.run, ModelCard(made, published_base(self.base)))
        return report

    def _abilities(self, models: TwoModels) -> Sequence[Ability]:
        """The abilities to evaluate, without the items that the tuned model was trained on. If the tokenizers differ,
        losses are left out unless declared."""
        if not models.same_tokenizer:
            told = "the tokenizers differ: answers are compared, but losses and token-level drift are not"
            self.observer(Notice("tokenizers", told))
        abilities = wanted_abilities(self.measure, self.data, models.encoders["base"], self.observer)
        abilities = without_trained_items(self.base, self.tuned, abilities, self.observer)
        same = models.same_tokenizer
        return [ability for ability in abilities if same or ability.output_type != "loss" or ability.declared]

    def _manifest(self, found: VerdictPass, seconds: Mapping[str, float]) -> RunManifest:
        asked = [(each.name, each.version, [example.id for example in each.items]) for each in found.abilities]
        names, hashes = f"{self.base.name} → {self.tuned.name}", " → ".join(model.hash for model in found.models)
        facts = replace(found.models[-1], name=names, hash=hashes)
        return make_manifest(facts, test_hash=hash_value(asked), seed=SAMPLE_SEED, seconds=seconds)


def forgetting_of(session: Session, tuned: ModelConfig, *, extent: Literal["quick", "full"]) -> Forgetting:
    """Measure from a run's base to `tuned`; `extent` is the default of the settings."""
    config = session.config
    return Forgetting(
        base=config.model,
        tuned=tuned,
        measure=replace(config.measure, extent=config.measure.extent or extent),
        data=rows_of_user(config.data),
        token_budget=config.evaluation.token_budget,
        run=session.workspace,
        observer=session.observer,
    )


def _fail_on(measure: MeasureConfig) -> tuple[str, ...]:
    return () if measure.fail_on == ("none",) else measure.fail_on


def _quick_power(reports: Sequence[AbilityReport]) -> str:
    if all(report.verdict in ("kept", "lost") for report in reports):
        return "every ability was decided; a full measure also explains losses"
    drops = sorted(r.detectable_drop for r in reports if r.detectable_drop is not None and r.chance is not None)
    if not drops:
        return "a quick measure has too few items to decide anything; use --measure full"
    counts = [r.items for r in reports if not r.declared] or [r.items for r in reports]
    few, many = min(counts), max(counts)
    items = f"{few:,}" if few == many else f"{few:,} to {many:,}"
    return (
        f"a quick measure of {items} items per ability: enough to call a drop of about {drops[0]:.0f} to "
        f"{drops[-1]:.0f} points lost, mostly too few to call an ability kept; a full one does that"
    )
