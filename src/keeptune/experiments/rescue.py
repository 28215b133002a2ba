"""Repairing a model that any tool made, at the least cost: interpolations first, then short trainings."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from keeptune.abilities.declared import declared_items
from keeptune.abilities.evaluable import refuse_not_evaluable
from keeptune.assessment.assess import forgetting_of
from keeptune.assessment.task import Task
from keeptune.config.schema import Full, ModelConfig, TrainingConfig, TuneConfig
from keeptune.data.split import limit_examples, split_examples
from keeptune.data.task_metrics import choose
from keeptune.data.task_rows import Rows, labelled, load_rows, load_told, rows_of_user
from keeptune.errors import ConfigError, RunExists
from keeptune.events import Notice, NoticeLog, Observer, RunStarted, silent
from keeptune.experiments.mitigation_search import Made, MitigationSearch, SearchOutcome, settle
from keeptune.exports.save_interpolated import save_interpolated
from keeptune.inference.encoding import make_encoder, new_tokens
from keeptune.inference.evaluator import Evaluator
from keeptune.inference.task_format import as_found, as_trained, keep_format
from keeptune.mitigation.active import active
from keeptune.mitigation.candidates import (
    candidate_config,
    refuse_nothing_to_keep,
    refuse_other_mitigations,
)
from keeptune.mitigation.default import without_default_mitigation
from keeptune.mitigation.fit import unfit
from keeptune.mitigation.spec import PLAIN, ROUTE, MitigationSpec, parse
from keeptune.models.find import find_model
from keeptune.models.load import LoadedModel, load_model
from keeptune.models.quantization import NONE
from keeptune.models.weights import fold_adapter
from keeptune.records import EvalRecord, ForgettingReport
from keeptune.training.new_session import with_development_items, without_kept_items
from keeptune.training.preflight import preflight
from keeptune.training.resume import refuse_other_settings
from keeptune.training.session import Session
from keeptune.training.start import merged_start, refuse_another_start
from keeptune.training.train import train
from keeptune.training.trained_items import keep_trained_rows
from keeptune.workspace.hashing import hash_value
from keeptune.workspace.lineage import of_run
from keeptune.workspace.open_run import open_run
from keeptune.workspace.search_run import SearchRun
from keeptune.workspace.workspace import Workspace

REPAIRS = ("kl=1", "self-replay=0.3+kl=1")
REPLAY, REPLAY_AND_KL = "replay=0.5", "replay=0.5+kl=1"
"""Repairs where rows of old tasks are given."""
DEV_SHARE = 0.3
"""Of the task's items, to see the gain on while choosing; at most `DEV_ITEMS`."""
DEV_ITEMS = 100
EPOCHS, LR_FACTOR = 1.0, 0.3
"""Of a repair, where the settings give no epochs and no rate: one pass, in small steps."""


@dataclass(frozen=True, slots=True)
class Repairer:
    """The Maker of `rescue`: the tuned model as it is, interpolated, or trained a little more."""

    session: Session
    """Its model and encoder are the tuned model's."""
    base: ModelConfig

    def __call__(self, candidate: MitigationSpec) -> Made:
        """Make the candidate's model, unless an earlier start has."""
        tuned = self.session.config.model
        if candidate in (PLAIN, ROUTE):
            return Made(tuned, None)
        made = SearchRun(self.session.workspace.path).candidate(str(candidate))
        config = candidate_config(candidate, self.session.config)
        if candidate.alpha != 1:
            # Towards the base, which is not what a repair starts from.
            whole = self(candidate.training)
            if not made.path.exists():
                save_interpolated(_weights(self.base), _weights(whole.model), candidate.alpha, made.path, tuned)
            return replace(whole, model=replace(tuned, name=str(made)))
        made.path.mkdir(parents=True, exist_ok=True)
        config = replace(config, mitigation=replace(config.mitigation, reference=_pinned(self.base)))
        summary = train(self.session.for_candidate(config, made))
        return Made(replace(tuned, name=str(made.weights)), summary)


def _weights(model: ModelConfig) -> LoadedModel | Path:
    """A folder, so that it need not fit into memory, where the weights lie in one as they are."""
    found = find_model(model)
    if found.local and found.adapter is None:
        return Path(found.source)
    loaded = load_model(model, train_weights=True)
    if found.adapter is not None:
        fold_adapter(loaded)
    return loaded


def run_rescue(config: TuneConfig, tuned: ModelConfig, observer: Observer) -> ForgettingReport:
    """Find the cheapest change of `tuned` that keeps what was declared, and leave it with a report in a run folder.

    Raises:
        KeeptuneError: see the tree in `keeptune.errors`; nothing that was there before is changed by a failure.
    """
    with open_run(config.output, f"rescue-{Path(tuned.name).name}", resume=config.resume) as run:
        observer = NoticeLog(observer)
        observer(RunStarted(str(run)))
        session = _ready(config, _whole(tuned, observer), run, observer)
        observer.keep(run.notices(), run.write_notices)
        start = merged_start(tuned, run)
        of_tuned = replace(session.with_model(start), encoder=make_encoder(start, session.config.data))
        repairer = Repairer(of_tuned, session.config.model)
        outcome = MitigationSearch(session, repairer, of_tuned.encoder, _candidates(session.config))()
        chosen = outcome.made.model
        if chosen == start:
            # What an earlier start had chosen by other margins.
            for folder in run.weight_folders:
                shutil.rmtree(folder, ignore_errors=True)
            # Its weights lie where they lay; the whole ones in this run were made to start from.
            chosen = _whole(tuned, silent)
        else:
            chosen = replace(chosen, name=str(settle(chosen, run)))
            keep_format(as_found(session.config.data, session.rows), run)
        report = _measured(session, of_tuned.with_model(chosen), outcome, tuned)
        run.remove_intermediates()
        shutil.rmtree(run.start_model, ignore_errors=True)
    return report


def _whole(model: ModelConfig, observer: Observer) -> ModelConfig:
    """The model as it is repaired, in whole weights: an adapter that was trained on a base in few bits, too.

    Raises:
        ConfigError: it is to be held in few bits.
    """
    if model.quantization != NONE:
        raise ConfigError(
            f"a repair changes weights, which --quantization {model.quantization} packs", "leave --quantization out"
        )
    found = of_run(model)
    if found.quantization != NONE:
        told = f"{model.name} was scored on a base in {found.quantization}, and is repaired and scored on the whole one"
        observer(Notice("quantization", told))
    return replace(found, quantization=NONE)


def _ready(config: TuneConfig, tuned: ModelConfig, run: Workspace, observer: NoticeLog) -> Session:
    """The session of the base: settings checked, rows read, metrics chosen, and all of it kept in the run folder."""
    base = _whole(config.model, observer)
    config = replace(config, data=as_trained(tuned, config.data, observer))
    config = replace(config, model=base, method=Full(), training=_repairing(config.training))
    config = without_default_mitigation(config)
    config = with_development_items(config)
    preflight(config)
    refuse_not_evaluable(tuned, config.evaluation)
    refuse_other_mitigations(config)
    refuse_nothing_to_keep(config)
    _refuse_unfit(config)
    encoder = make_encoder(base, config.data)
    rows = _rows(config, observer)
    if config.data.train is not None:
        rows = without_kept_items(config, rows, encoder, observer)
    else:
        declared_items(config.measure, rows_of_user(config.data), encoder)
    metrics = choose(config.evaluation, rows.test, rows.pool)
    observer(Notice("metric", f"{metrics.primary.name}: {metrics.reason}"))
    if run.has_forgetting:
        raise RunExists(f"{run} holds a finished result", "name another --output; results are never overwritten")
    run.begin(config)
    refuse_other_settings(config, run)
    refuse_another_start(base, run, "base")
    refuse_another_start(tuned, run)
    return Session(config, run, rows, encoder, metrics, observer, observer.messages)


def _refuse_unfit(config: TuneConfig) -> None:
    """The user's candidates, each as it would be trained.

    Raises:
        ConfigError: one names no mitigation, or has no meaning here.
    """
    held = replace(config, mitigation=replace(config.mitigation, reference=_pinned(config.model)))
    for candidate in map(parse, config.mitigation_search.candidates):
        if candidate.routed and not config.mitigation_search.can_route:
            raise ConfigError("route is a candidate only where requests can be routed", "add --can-route")
        settings = candidate_config(candidate, held)
        if candidate.training != PLAIN and config.data.train is None:
            raise ConfigError(
                f"{candidate} is a training, and there are no train rows",
                "name them with --train, or use interpolation",
            )
        if any(mitigation.penalty for mitigation, _ in active(settings)):
            raise ConfigError(
                f"{candidate} keeps weights close to where a repair starts, which is the tuned model",
                "use kl, which stays close to the base",
            )
        if error := unfit(settings):
            raise error


def _repairing(training: TrainingConfig) -> TrainingConfig:
    return replace(
        training,
        epochs=EPOCHS if training.epochs is None else training.epochs,
        lr_factor=LR_FACTOR if training.lr is None and training.lr_factor == 1 else training.lr_factor,
    )


def _pinned(model: ModelConfig) -> str:
    """Its name, with the hub revision where one was asked for."""
    found = find_model(model)
    return f"{found.source}@{found.revision}" if found.revision and found.adapter is None else model.name


def _rows(config: TuneConfig, observer: Observer) -> Rows:
    """The task's rows by role; without train rows, a part of the items is set apart to choose by."""
    data = config.data
    if data.train is not None and data.test is None:
        observer(Notice("rows", "the gain is measured on train rows, which the tuned model may know; give --test"))
        return load_rows(config, observer)
    if data.train is not None:
        rows = load_rows(replace(config, data=replace(data, validation_fraction=0.0)), observer)
        test, dev = split_examples(rows.test, DEV_SHARE, seed=0)
        return replace(rows, validation=limit_examples(dev, DEV_ITEMS, seed=0), test=test)
    if data.test is None:
        raise ConfigError("there are no items to measure the remaining gain on", "give items of the task with --test")
    read = labelled((), load_told(data.test, data, "test", observer).examples, data, observer)
    items = read.test
    if data.limit_test is not None:
        items = limit_examples(items, data.limit_test, seed=0)
    test, dev = split_examples(items, DEV_SHARE, seed=0)
    observer(Notice("repairs", "no train rows: only interpolation is tried; give --train to try short repairs as well"))
    dev = limit_examples(dev, DEV_ITEMS, seed=0)
    return Rows((), dev, test, "", hash_value(test), pool=read.test, labels=read.labels)


def _candidates(config: TuneConfig) -> tuple[MitigationSpec, ...]:
    """The tuned model as it is, then the cheapest first."""
    first = (PLAIN, ROUTE) if config.mitigation_search.can_route else (PLAIN,)
    if config.mitigation_search.candidates:
        return first + tuple(map(parse, config.mitigation_search.candidates))
    if not config.data.train:
        return first
    replays = (REPLAY, REPLAY_AND_KL) if config.mitigation.replay else ()
    return first + tuple(map(parse, (*replays, *REPAIRS)))


def _measured(base: Session, tuned: Session, outcome: SearchOutcome, start: ModelConfig) -> ForgettingReport:
    """The choice, scored once on items that no choice has seen."""
    config, rows, observer = base.config, base.rows, base.observer
    room = new_tokens(config.evaluation, base.encoder, rows.train or rows.validation)

    def records(session: Session, name: str) -> list[EvalRecord]:
        evaluator = Evaluator(session.encoder, session.metrics, room, config.evaluation.token_budget, observer)
        loaded = evaluator.load(session.config.model)
        return evaluator.evaluate(loaded, rows.test, rows.test, f"the task ({name})", cache=True)

    of_base, of_tuned = records(base, "base"), records(tuned, "tuned")
    forgetting = forgetting_of(base, tuned.config.model, extent="full")
    forgetting = replace(forgetting, routed=outcome.routed, mitigation_search=outcome.report)
    seen = keep_trained_rows(base, start, of_tuned=True)
    return forgetting(Task(rows.test, of_base, of_tuned, base.metrics.primary, seen), base.notices)
