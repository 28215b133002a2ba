"""The measuring part of `tune` and `measure`: two models and their abilities, one report, all of it on disk."""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from keeptune.abilities.declared import wanted_abilities
from keeptune.assessment.diagnosis import (
    QUICK_EXPLAINED_ITEMS,
    SAMPLE_SEED,
    Both,
    BothModels,
    explain,
    look_for_intrusion,
    measure_drift,
)
from keeptune.assessment.published_base import published_base
from keeptune.assessment.recovery_probe import Recovery, Side, recovery_probe
from keeptune.assessment.verdict_pass import (
    AbilityEvaluator,
    Asked,
    declared,
    evaluate_abilities,
    evaluate_tasks,
    harness_tasks,
    only_answered,
    tell_looks,
)
from keeptune.config.schema import DataConfig, MeasureConfig, ModelConfig
from keeptune.data.encode import Encoder, same_tokenizer
from keeptune.data.lm_eval_task import same_ability
from keeptune.errors import StoreError, first_line
from keeptune.events import Notice, Observer, silent
from keeptune.forgetting.compare import compare, pair
from keeptune.forgetting.confusion import confuse
from keeptune.forgetting.drift_history import check_report, drift_history
from keeptune.forgetting.gate import decide
from keeptune.forgetting.verdict import judge
from keeptune.inference.encoding import make_encoder
from keeptune.inference.evaluator import load_for_inference, tell_model
from keeptune.records import (
    SCHEMA_VERSION,
    Ability,
    AbilityReport,
    DriftRow,
    EvalRecord,
    Example,
    ForgettingReport,
    IntrusionReport,
    MitigationSearchReport,
    RunManifest,
    TuneResult,
    Undefined,
    to_plain,
)
from keeptune.report.card import PublishedBase, model_card
from keeptune.report.html import write_html
from keeptune.scoring.metric import Metric
from keeptune.workspace.hashing import hash_value
from keeptune.workspace.manifest import ModelFacts, make_manifest
from keeptune.workspace.workspace import Workspace

TASK = "the task"
"""What its table of confusions is called, beside those of abilities."""
NOT_IN_QUICK = Undefined("not looked for in a quick measure; a full one does")


@dataclass(frozen=True, slots=True)
class Task:
    """The task that was tuned, as both models answered it."""

    examples: tuple[Example, ...]
    base: list[EvalRecord]
    tuned: list[EvalRecord]
    metric: Metric
    trained_on: int | None = None
    """Of the examples, those that the tuned model was trained on; None where that is not known."""


@dataclass(slots=True)
class Forgetting:
    """Measures what was forgotten between two models; a call does it and leaves the report in `run`."""

    base: ModelConfig
    tuned: ModelConfig
    measure: MeasureConfig
    data: DataConfig
    """How the user's own items are read, and how long a prompt may be."""
    token_budget: int
    run: Workspace
    observer: Observer
    routed: bool = False
    """The base goes on answering all but the task, so it stands for the tuned model there."""
    mitigation_search: MitigationSearchReport | None = None
    """How the tuned model was chosen."""
    seconds: dict[str, float] = field(default_factory=dict)
    _hashes: dict[str, str] = field(default_factory=dict)
    _places: tuple[str, str] = ("", "")

    def __call__(self, task: Task | None, notices: list[str], made: TuneResult | None = None) -> ForgettingReport:
        """The report.

        Args:
            task: for the gain, and for intrusion; None where no items of the task are at hand.
            notices: what was told in the run so far; a list that the observer goes on filling.
            made: how the tuned model was made, for its card; None where that is not known.

        Raises:
            KeeptuneError: see the tree in `keeptune.errors`.
        """
        encoders = {name: make_encoder(model, self.data) for name, model in self._models.items()}
        same = same_tokenizer(encoders["base"], encoders["tuned"])
        if not same:
            told = "the two models have other tokenizers: answers are compared, but no losses and no drift by token"
            self.observer(Notice("tokenizers", told))
        abilities = wanted_abilities(self.measure, self.data, encoders["base"], self.observer)
        if not same:
            abilities = [ability for ability in abilities if ability.output_type != "loss" or ability.declared]
        abilities, answered, dev = self._verdict_pass(abilities, encoders)
        level, family = tell_looks(self.measure, self.observer), sum(ability.declared for ability in abilities)
        reports = [
            judge(
                ability,
                *answered[ability.name],
                dev.get(ability.name, ()),
                "" if same or ability.output_type != "loss" else "the two models have other tokenizers",
                level=level,
                family=family,
            )
            for ability in abilities
        ]
        decision = decide(reports, _fail_on(self.measure), (1.0 - level) / 2.0)
        lost = any(report.declared and report.verdict in ("lost", "collapsed") for report in decision.abilities)
        full = (self.measure.extent != "quick" or lost) and not self.routed
        intrusion: IntrusionReport | Undefined = NOT_IN_QUICK
        drift: tuple[DriftRow, ...] | Undefined = NOT_IN_QUICK
        reports = list(decision.abilities)
        if full:
            reports, intrusion, drift = self._diagnosis(abilities, answered, reports, encoders, task, same)
        elif not self.routed:
            self.observer(Notice("quick", _quick_power(reports)))
        confusions = [confuse(ability.name, *answered[ability.name], ability.metrics[0]) for ability in abilities]
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
            abilities=tuple(reports),
            gate=decision.gate,
            fail_on=_fail_on(self.measure),
            sentences=decision.sentences,
            intrusion=intrusion,
            confusions=tuple(confusion for confusion in confusions if confusion is not None),
            drift=drift,
            drift_history="",
            notices=tuple(dict.fromkeys(notices)),
            config={"base": to_plain(self.base), "tuned": to_plain(self.tuned), "measure": to_plain(self.measure)},
            manifest=self._manifest(abilities),
            mitigation_search=self.mitigation_search,
        )
        return write_report(report, answered, task, self.run, made, published_base(self.base), self.observer)

    @property
    def _models(self) -> dict[str, ModelConfig]:
        return {"base": self.base, "tuned": self.tuned}

    def _verdict_pass(
        self, abilities: Sequence[Ability], encoders: Mapping[str, Encoder]
    ) -> tuple[list[Ability], dict[str, Both], dict[str, list[EvalRecord]]]:
        """One model at a time: the base, then the tuned. → (abilities as asked, answers of both, dev of the base)."""
        half = None if self.measure.minutes is None else 30.0 * self.measure.minutes
        if half is not None and self.measure.items is None and any(harness_tasks(self.measure.keep)):
            self.observer(Notice("time", "tasks of lm-evaluation-harness are asked in full: --items bounds them"))
        asked: dict[str, Asked] = {}
        tasks = {}
        for name in ("base",) if self.routed else ("base", "tuned"):
            began = time.monotonic()
            ability_evaluator = self._load(name, encoders[name])
            asked[name] = evaluate_abilities(ability_evaluator, abilities, half, dev=name == "base")
            tasks[name] = evaluate_tasks(ability_evaluator.loaded, self.measure.keep, self.measure.items, self.observer)
            del ability_evaluator
            gc.collect()
            self.seconds[f"verdict_{name}"] = time.monotonic() - began
        if self.routed:
            asked["tuned"], tasks["tuned"] = asked["base"], tasks["base"]
            self.observer(Notice("routed", "the base answers all but the task, so nothing else can change"))
        kept: list[Ability] = []
        answered: dict[str, Both] = {}
        for ability in abilities:
            base, tuned = asked["base"].items[ability.name], asked["tuned"].items[ability.name]
            ability, base, tuned = only_answered(ability, base, tuned, self.observer)
            kept.append(ability)
            answered[ability.name] = (base, tuned)
        for name, (keep, (ability, records)) in tasks["base"].items():
            _, of_tuned = tasks["tuned"][name]
            kept.append(declared(same_ability(ability, of_tuned.ability), keep, name))
            answered[name] = (records, of_tuned.records)
        return kept, answered, asked["base"].dev

    def _diagnosis(
        self,
        abilities: Sequence[Ability],
        answered: Mapping[str, Both],
        reports: Sequence[AbilityReport],
        encoders: Mapping[str, Encoder],
        task: Task | None,
        same: bool,
    ) -> tuple[list[AbilityReport], IntrusionReport | Undefined, tuple[DriftRow, ...] | Undefined]:
        """How it broke; both models are held at once."""
        began = time.monotonic()
        both = BothModels(self._load("base", encoders["base"]), self._load("tuned", encoders["tuned"]))
        intrusion = look_for_intrusion(both, (task.base, task.tuned) if task else None, abilities, answered)
        drift: tuple[DriftRow, ...] | Undefined = Undefined("the two models have other tokenizers")
        if same:
            examples, records = (task.examples, task.base) if task else ((), [])
            drift = measure_drift(both, examples, records, self.token_budget, self.observer)
        most = QUICK_EXPLAINED_ITEMS if self.measure.extent == "quick" else None
        explained = [
            explain(both, ability, report, answered[ability.name], self._probe(ability, encoders), most)
            if report.verdict == "lost"
            else report
            for ability, report in zip(abilities, reports, strict=True)
        ]
        del both
        gc.collect()
        self.seconds["diagnosis"] = time.monotonic() - began
        return explained, intrusion, drift

    def _probe(self, ability: Ability, encoders: Mapping[str, Encoder]) -> Recovery | None:
        """Whether a few old examples bring the ability back; only where it was asked for."""
        if not self.measure.probe or ability.source == "lm-eval":
            return None
        sides = [
            # Weights that are trained are asked where they lie.
            Side(partial(load_for_inference, replace(model, engine="torch")), encoders[name], self.token_budget)
            for name, model in self._models.items()
        ]
        return recovery_probe(sides[0], sides[1], ability, self.observer)

    def _load(self, name: str, encoder: Encoder) -> AbilityEvaluator:
        loaded = load_for_inference(self._models[name])
        if name not in self._hashes:
            tell_model(loaded, self.observer)
            self._hashes[name] = loaded.hash
            self._places = (str(loaded.placement.device), loaded.placement.dtype_name)
        return AbilityEvaluator(loaded, encoder, self.token_budget, name, self.observer)

    def _manifest(self, abilities: Sequence[Ability]) -> RunManifest:
        asked = [(ability.name, ability.version, [example.id for example in ability.items]) for ability in abilities]
        names, hashes = f"{self.base.name} → {self.tuned.name}", " → ".join(self._hashes.values())
        return make_manifest(
            ModelFacts(names, hashes, *self._places),
            test_hash=hash_value(asked),
            seed=SAMPLE_SEED,
            seconds=self.seconds,
        )


def write_report(
    report: ForgettingReport,
    answered: Mapping[str, Both],
    task: Task | None,
    run: Workspace,
    made: TuneResult | None = None,
    base: PublishedBase | None = None,
    observer: Observer = silent,
) -> ForgettingReport:
    """Records, page, card and the report itself, which is written last; with what earlier runs beside it tell of
    drift. The card of a model that was just made lies with its weights."""
    report = replace(report, drift_history=drift_history([*_earlier(run, observer), to_plain(report)]))
    for name, records in answered.items():
        for side, of_side in zip(("base", "tuned"), records, strict=True):
            run.write_ability_records(name, side, of_side)
    pairs = {name: pair(*records) for name, records in answered.items()}
    write_html(report, pairs, run.page, pair(task.base, task.tuned) if task else (), made)
    run.write_card(model_card(report, made, base))
    run.write_forgetting(report)
    return report


def _earlier(run: Workspace, observer: Observer) -> list[dict[str, object]]:
    """Reports of the runs beside this one, the oldest first; what cannot be read is told, and is no report."""
    found = []
    for other in run.measured_beside():
        try:
            plain = other.forgetting()
            written = other.measured_at
            check_report(plain)
        except (OSError, ValueError, StoreError) as error:
            observer(Notice("neighbour", f"the report of {other} cannot be read and is left out: {first_line(error)}"))
            continue
        found.append((written, plain))
    return [plain for _, plain in sorted(found, key=lambda each: each[0])]


def _fail_on(measure: MeasureConfig) -> tuple[str, ...]:
    return () if measure.fail_on == ("none",) else measure.fail_on


def _quick_power(reports: Sequence[AbilityReport]) -> str:
    drops = sorted(r.detectable_drop for r in reports if r.detectable_drop is not None and r.chance is not None)
    if not drops:
        return "a quick measure: too few items to decide anything; a full one does"
    counts = [r.items for r in reports if not r.declared] or [r.items for r in reports]
    few, many = min(counts), max(counts)
    items = f"{few:,}" if few == many else f"{few:,} to {many:,}"
    return (
        f"a quick measure of {items} items an ability: enough to call a drop of about {drops[0]:.0f} to "
        f"{drops[-1]:.0f} points lost, mostly too few to call an ability kept; a full one does that"
    )
