"""One run: train on one task, score base and tuned on the same items, measure what was lost elsewhere."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from keeptune.assessment.assess import Forgetting, Task
from keeptune.assessment.result import make_result
from keeptune.assessment.task_score import Scored, score
from keeptune.commands import command
from keeptune.config.schema import TuneConfig
from keeptune.data.task_metrics import Metrics
from keeptune.data.task_rows import Rows, rows_of_user
from keeptune.errors import ConfigError
from keeptune.events import Event, Notice, Observer, RunFinished, RunStarted, silent
from keeptune.experiments.hyperparameter_search import found_settings
from keeptune.experiments.mitigation_search import MitigationSearch, SearchOutcome, Trainer, settle
from keeptune.export.save import saved_tuned
from keeptune.mitigation.candidates import (
    PLAIN,
    refuse_nothing_to_keep,
    refuse_other_mitigations,
    rungs_of,
    training_of,
)
from keeptune.records import ForgettingReport, TuneResult
from keeptune.training.equivalent_run import WHOLE
from keeptune.training.ready import ready
from keeptune.training.resume import keep_asked, refuse_another, with_kept_settings
from keeptune.training.start import whole_model
from keeptune.training.task_format import as_found, keep_format
from keeptune.training.train import keep_settings, train
from keeptune.training.trained_items import keep_trained
from keeptune.workspace.path_part import path_part
from keeptune.workspace.runs import CANDIDATES, CONFIG, RESULT, open_run, refuse_taken
from keeptune.workspace.task_name import task_name
from keeptune.workspace.written import write_record, write_records


@dataclass(slots=True)
class _Notes:
    """Passes events on, and keeps the notices for the result."""

    observer: Observer
    kept: list[str]

    def __call__(self, event: Event, /) -> None:
        if isinstance(event, Notice):
            self.kept.append(event.message)
        self.observer(event)


def run_tuning(config: TuneConfig, observer: Observer) -> TuneResult:
    """Fine-tune, evaluate, and leave a run folder with everything in it.

    Raises:
        KeeptuneError: see the tree in `keeptune.errors`; nothing that was there before is changed by a failure.
    """
    notes = _Notes(observer, [])
    config = with_kept_settings(config)
    with open_run(config.output, _default_name(config), resume=config.resume) as run:
        notes(RunStarted(str(run)))
        config, rows, encoder, metrics = ready(config, notes)
        start = config.model
        config = replace(config, model=whole_model(config.model, run))
        seconds: dict[str, float] = {}
        config = found_settings(config, run, rows, encoder, metrics, notes)
        outcome = None
        if config.mitigation_search.auto:
            refuse_another(config, rows, run)
            keep_settings(config, run)
            make = Trainer(config, run, rows, encoder, metrics, notes)
            candidates = (PLAIN, *rungs_of(config))
            outcome = MitigationSearch(
                config, run, rows, (encoder, encoder), metrics, make, notes, seconds, candidates
            )()
            settle(outcome.made.model, run)
        summary = outcome.made.summary if outcome else None
        summary = summary or train(config, run, rows, encoder, metrics, notes, seconds)
        keep_format(as_found(config.data, rows), run)
        seen = keep_trained(config, rows, run, start, notes)
        keep_asked(config, rows, run)
        scored = score(config, run, rows, encoder, metrics, notes, seconds)
        result = make_result(config, run, rows, metrics, summary, scored, notes.kept, seconds, seen)
        for name, records in scored.records.items():
            write_records(run / "samples" / f"{path_part(name)}.jsonl", records)
        if config.measure.extent != "none":
            found = _measure(config, run, rows, metrics, scored, notes, result, outcome)
            result = replace(result, forgetting=found)
        write_record(run / RESULT, result)
        remove_intermediates(run)
    notes(RunFinished(str(run), result.comparisons))
    return result


def _measure(
    config: TuneConfig,
    run: Path,
    rows: Rows,
    metrics: Metrics,
    scored: Scored,
    notes: _Notes,
    made: TuneResult,
    outcome: SearchOutcome | None,
) -> ForgettingReport:
    """What the tuning cost elsewhere, quickly unless the settings say otherwise."""
    forgetting = Forgetting(
        base=config.model,
        tuned=replace(config.model, name=str(saved_tuned(run)), revision=None),
        measure=replace(config.measure, extent=config.measure.extent or "quick"),
        data=rows_of_user(config.data),
        token_budget=config.evaluation.token_budget,
        run=run,
        observer=notes,
        routed=outcome is not None and outcome.routed,
        mitigation_search=outcome.report if outcome else None,
    )
    task = Task(
        rows.test, scored.records["base"], scored.records["tuned"], metrics.primary, made.comparisons[0].trained_on
    )
    report = forgetting(task, notes.kept, made)
    if outcome is None and report.gate in ("fail", "inconclusive") and _can_search(config):
        notes(Notice("auto", _what_auto_would_do(config, run, made.training.seconds / 60)))
    return report


def _can_search(config: TuneConfig) -> bool:
    """Whether these settings allow --auto."""
    try:
        refuse_nothing_to_keep(config)
        refuse_other_mitigations(config)
    except ConfigError:
        return False
    return True


def _what_auto_would_do(config: TuneConfig, run: Path, minutes: float) -> str:
    candidates = rungs_of(config)
    trained = len({training_of(candidate) for candidate in candidates} - {PLAIN})
    again = command("tune", config=run / CONFIG, auto=True, output=f"{run}-auto")
    return (
        f"--auto looks for the cheapest mitigation that keeps everything: {', '.join(candidates)}, in this order, "
        f"as far as it must; {trained} trainings for the {len(candidates)} of them, "
        f"about {minutes:.0f} minutes each: {again}"
    )


def refuse_start(config: TuneConfig) -> None:
    """Refuse what `tune` would refuse before a model's weights load, and leave nothing.

    Raises:
        KeeptuneError: see the tree in `keeptune.errors`.
    """
    config = with_kept_settings(config)
    refuse_taken(config.output, resume=config.resume)
    ready(config, silent)


def _default_name(config: TuneConfig) -> str:
    return f"{task_name(config.data.train or 'data')}-{config.method.kind}"


def remove_intermediates(run: Path) -> None:
    """Checkpoints, and weights that were not chosen, have served once the result is written."""
    for path in (*run.glob("checkpoint-*"), run / "best", run / WHOLE, run / CANDIDATES):
        shutil.rmtree(path, ignore_errors=True)
