"""One run: train on one task, score base and tuned on the same items, measure what was lost elsewhere."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from keeptune.assessment.assess import forgetting_of
from keeptune.assessment.quantization_cost import quantization_cost
from keeptune.assessment.result import make_result
from keeptune.assessment.task import Task
from keeptune.assessment.task_score import Scored, score
from keeptune.commands import command
from keeptune.config.schema import TuneConfig
from keeptune.errors import ConfigError
from keeptune.events import Notice, NoticeLog, Observer, RunFinished, RunStarted, silent
from keeptune.experiments.alpha_choice import choose_alpha
from keeptune.experiments.hyperparameter_search import with_found_settings
from keeptune.experiments.mitigation_search import MitigationSearch, SearchOutcome, Trainer, settle
from keeptune.experiments.search_budget import TIMES
from keeptune.inference.task_format import as_found, keep_format
from keeptune.mitigation.candidates import (
    candidates_of,
    refuse_nothing_to_keep,
    refuse_other_mitigations,
)
from keeptune.mitigation.default import (
    said_of_default,
    with_default_mitigation,
    without_default_mitigation,
)
from keeptune.records import ForgettingReport, TuneResult
from keeptune.training.new_session import new_session
from keeptune.training.resume import check_origin, keep_measured_settings, with_kept_settings
from keeptune.training.session import Session
from keeptune.training.start import merged_start
from keeptune.training.train import train
from keeptune.training.trained_items import keep_trained_rows
from keeptune.workspace.cache_entry import entries_apart
from keeptune.workspace.open_run import open_run, refuse_taken
from keeptune.workspace.task_name import task_name
from keeptune.workspace.workspace import Workspace


def run_tuning(config: TuneConfig, observer: Observer) -> TuneResult:
    """Fine-tune, evaluate, and leave a run folder with everything in it.

    Raises:
        KeeptuneError: see the tree in `keeptune.errors`; nothing that was there before is changed by a failure.
    """
    given = with_kept_settings(config)
    config = with_default_mitigation(given)
    with open_run(config.output, _default_name(config), resume=config.resume) as run:
        observer(RunStarted(str(run)))
        # A reproduction takes nothing from the cache, by whichever verb it goes on.
        with entries_apart(run.own_cache) if run.reproduces else nullcontext():
            result = _tuned(config, said_of_default(given), run, observer)
        run.remove_intermediates()
    observer(RunFinished(str(run), result.comparisons))
    return result


def _tuned(config: TuneConfig, said: str, run: Workspace, observer: Observer) -> TuneResult:
    log = NoticeLog(observer)
    session = new_session(config, run, log)
    log.keep(run.notices(), run.write_notices)
    if said:
        session.observer(Notice("default mitigation", said))
    start = session.config.model
    session = with_found_settings(session.with_model(merged_start(start, run)))
    search = _searched(session) if session.config.mitigation_search.auto else None
    choose_alpha(session)
    summary = (search and search.made.summary) or train(session)
    keep_format(as_found(session.config.data, session.rows), run)
    trained_on = keep_trained_rows(session, start)
    keep_measured_settings(session)
    scored = score(session)
    result = make_result(session, summary, scored, trained_on)
    for name, records in scored.records.items():
        run.write_samples(name, records)
    if session.config.measure.extent != "none":
        result = replace(result, forgetting=_measured(session, scored, result, search))
    run.write_result(result)
    return result


def _searched(session: Session) -> SearchOutcome:
    """The mitigation search of `--auto`; the weights that it chose are the run's."""
    check_origin(session)
    session.workspace.begin(session.config)
    outcome = MitigationSearch(session, Trainer(session), session.encoder, candidates_of(session.config))()
    settle(outcome.made.model, session.workspace)
    return outcome


def _measured(session: Session, scored: Scored, made: TuneResult, search: SearchOutcome | None) -> ForgettingReport:
    """What the tuning cost elsewhere, quickly unless the settings say otherwise."""
    config = session.config
    forgetting = forgetting_of(session, session.tuned_model, extent="quick")
    if search:
        forgetting = replace(forgetting, routed=search.routed, mitigation_search=search.report)
    forgetting = replace(forgetting, quantization=quantization_cost(session, scored, made.training.total_parameters))
    records, metric = scored.records, session.metrics.primary
    task = Task(session.rows.test, records["base"], records["tuned"], metric, made.comparisons[0].trained_on)
    report = forgetting(task, session.notices, made)
    if search is None and report.gate in ("fail", "inconclusive") and _can_search(config):
        session.observer(Notice("auto", _what_auto_would_do(config, session.workspace, made.training.seconds / 60)))
    return report


def _can_search(config: TuneConfig) -> bool:
    """Whether these settings allow --auto."""
    try:
        refuse_nothing_to_keep(config)
        refuse_other_mitigations(without_default_mitigation(config))
    except ConfigError:
        return False
    return True


def _what_auto_would_do(config: TuneConfig, run: Workspace, minutes: float) -> str:
    again = command("tune", config=run.settings_file, auto=True, output=f"{run}-auto")
    candidates = ", ".join(map(str, candidates_of(config)))
    return (
        f"--auto looks for the cheapest mitigation that keeps every declared ability and enough of the gain: it tries "
        f"{candidates} and interpolations of each, in this order, until one does. A training takes about "
        f"{minutes:.0f} minutes, and none starts after {TIMES} times that: {again}"
    )


def refuse_start(config: TuneConfig) -> None:
    """Refuse what `tune` would refuse before a model's weights load, and leave nothing.

    Raises:
        KeeptuneError: see the tree in `keeptune.errors`.
    """
    config = with_default_mitigation(with_kept_settings(config))
    refuse_taken(config.output, resume=config.resume)
    new_session(config, Workspace(Path(config.output)), silent)


def _default_name(config: TuneConfig) -> str:
    return f"{task_name(config.data.train, config.data.test) or 'data'}-{config.method.kind}"
