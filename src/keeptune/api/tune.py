"""`keeptune.tune`: train on one task, score base and tuned on the same items, say what is certain: of the gain
there, and of what was lost elsewhere."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from keeptune.api.abilities import declared_items
from keeptune.api.evaluate import of_run
from keeptune.api.forget import Forgetting, Task
from keeptune.api.ladder import Climb, Climbed, Trainer, refuse_nothing_to_keep, settle
from keeptune.api.prepare import EMBEDDED, Metrics, Rows, choose, load_rows, make_encoder, rows_of_user
from keeptune.api.result import make_result
from keeptune.api.resume import keep_asked, refuse_another, with_kept_settings
from keeptune.api.score import Scored, score
from keeptune.api.search import found_settings
from keeptune.api.start import keep_earlier, whole_model
from keeptune.api.task_format import keep_format
from keeptune.api.train import keep_settings, train
from keeptune.api.trained_before import WHOLE
from keeptune.api.trained_items import keep_trained
from keeptune.commands import command
from keeptune.config.schema import TuneConfig
from keeptune.data.encode import Encoder
from keeptune.errors import ConfigError, DataError
from keeptune.events import Event, Notice, Observer, RunFinished, shown, silent
from keeptune.export.save import saved_tuned
from keeptune.mitigation.replay import without_prompts
from keeptune.mitigation.rungs import PLAIN, refuse_other_remedies, rungs_of, training_of
from keeptune.records import ForgettingReport, TuneResult
from keeptune.report.progress import shows_progress
from keeptune.store.path_part import path_part
from keeptune.store.runs import CONFIG, RESULT, RUNGS, open_run
from keeptune.store.task_name import task_name
from keeptune.store.written import write_record, write_records

DEV_FRACTION = 0.3
"""Share of the user's own items that a ladder chooses by, where the settings say nothing."""


_OF_LADDER = ("can_route", "rungs", "max_rungs", "ladder_minutes", "min_gain")


@dataclass(slots=True)
class _Notes:
    """Passes events on, and keeps the notices for the result."""

    observer: Observer
    kept: list[str]

    def __call__(self, event: Event, /) -> None:
        if isinstance(event, Notice):
            self.kept.append(event.message)
        self.observer(event)


@shows_progress
def tune(config: TuneConfig, observer: Observer = shown) -> TuneResult:
    """Fine-tune, evaluate, and leave a run folder with everything in it.

    Raises:
        KeeptuneError: see the tree in `keeptune.errors`; nothing that was there before is changed by a failure.
    """
    notes = _Notes(observer, [])
    config = keep_earlier(with_kept_settings(config), notes)
    encoder = make_encoder(of_run(config.model), config.data, config.method)
    rows = load_rows(config, notes)
    metrics = choose(config.evaluation, rows.test)
    notes(Notice("metric", f"{metrics.primary.name}: {metrics.reason}"))
    if config.ladder.auto:
        config = with_development_items(config)
        refuse_nothing_to_keep(config)
        refuse_other_remedies(config)
    rows = apart_from_kept(config, rows, encoder, notes)
    if config.ladder.auto or config.ladder.rungs:
        rungs_of(config)
    for told in without_effect(config):
        notes(Notice("no effect", told))
    with open_run(config.output, _default_name(config), resume=config.resume) as run:
        start = config.model
        config = replace(config, model=whole_model(config.model, run))
        seconds: dict[str, float] = {}
        config = found_settings(config, run, rows, encoder, metrics, notes)
        climbed = None
        if config.ladder.auto:
            refuse_another(config, rows, run)
            keep_settings(config, run)
            make = Trainer(config, run, rows, encoder, metrics, notes)
            rungs = (PLAIN, *rungs_of(config))
            climbed = Climb(config, run, rows, (encoder, encoder), metrics, make, notes, seconds, rungs)()
            settle(climbed.made.model, run)
        summary = climbed.made.summary if climbed else None
        summary = summary or train(config, run, rows, encoder, metrics, notes, seconds)
        keep_format(config.data, run)
        seen = keep_trained(config, rows, run, start, notes)
        keep_asked(config, run)
        scored = score(config, run, rows, encoder, metrics, notes, seconds)
        result = make_result(config, run, rows, metrics, summary, scored, notes.kept, seconds, seen)
        for name, records in scored.records.items():
            write_records(run / "samples" / f"{path_part(name)}.jsonl", records)
        if config.measure.extent != "none":
            found = _measure(config, run, rows, metrics, scored, notes, result, climbed)
            result = replace(result, forgetting=found)
        write_record(run / RESULT, result)
        tidy(run)
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
    climbed: Climbed | None,
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
        routed=climbed is not None and climbed.routed,
        ladder=climbed.report if climbed else None,
    )
    task = Task(
        rows.test, scored.records["base"], scored.records["tuned"], metrics.primary, made.comparisons[0].trained_on
    )
    report = forgetting(task, notes.kept, made)
    if climbed is None and report.gate in ("fail", "inconclusive") and _can_climb(config):
        notes(Notice("auto", _what_auto_would_do(config, run, made.training.seconds / 60)))
    return report


def _can_climb(config: TuneConfig) -> bool:
    """Whether these settings allow --auto."""
    try:
        refuse_nothing_to_keep(config)
        refuse_other_remedies(config)
    except ConfigError:
        return False
    return True


def _what_auto_would_do(config: TuneConfig, run: Path, minutes: float) -> str:
    rungs = rungs_of(config)
    trained = len({training_of(rung) for rung in rungs} - {PLAIN})
    again = command("tune", config=run / CONFIG, auto=True, output=f"{run}-auto")
    return (
        f"--auto looks for the cheapest remedy that keeps everything: {', '.join(rungs)}, in this order, as far as it "
        f"must; {trained} trainings for the {len(rungs)} of them, about {minutes:.0f} minutes each: {again}"
    )


def without_effect(config: TuneConfig) -> list[str]:
    """What was set and changes nothing, as what it belongs to is not."""
    plain, data, mend, training, ladder = TuneConfig(), config.data, config.mend, config.training, config.ladder
    idle = {
        f"ladder.{name}": "ladder.auto" for name in _OF_LADDER if getattr(ladder, name) != getattr(plain.ladder, name)
    }
    found = {} if ladder.auto else idle
    if mend.replay_fraction != plain.mend.replay_fraction and not mend.replay:
        found["mend.replay_fraction"] = "mend.replay"
    if mend.kl_on != plain.mend.kl_on and not mend.kl and not ladder.auto:
        found["mend.kl_on"] = "mend.kl"
    if mend.self_replay_prompts and not mend.self_replay and not ladder.auto:
        found["mend.self_replay_prompts"] = "mend.self_replay"
    if training.max_drift != plain.training.max_drift and not training.search:
        found["training.max_drift"] = "training.search"
    if data.draw and data.limit_train is None and data.train != EMBEDDED:
        found["data.draw"] = "data.limit_train"
    told = [f"{setting} changes nothing without {needed}" for setting, needed in found.items()]
    if data.test and data.test_fraction != plain.data.test_fraction:
        told.append("data.test_fraction changes nothing with data.test")
    return told


def rows_of(config: TuneConfig) -> Rows:
    """The rows that `tune` trains and scores on by these settings."""
    config = keep_earlier(config, silent)
    encoder = make_encoder(of_run(config.model), config.data, config.method)
    return apart_from_kept(config, load_rows(config, silent), encoder, silent)


def apart_from_kept(config: TuneConfig, rows: Rows, encoder: Encoder, observer: Observer) -> Rows:
    """`rows` without items by which it is decided whether an ability was kept: to learn those would only fake it.
    What was declared is read here, before anything is trained, and what cannot be asked is refused."""
    if config.measure.extent == "none":
        return rows
    train, validation = rows.train, rows.validation
    for items in declared_items(config.measure, rows_of_user(config.data), encoder):
        train, validation = without_prompts(train, items), without_prompts(validation, items)
    left_out = len(rows.train) + len(rows.validation) - len(train) - len(validation)
    if not left_out:
        return rows
    observer(Notice("kept items", f"{left_out} train rows left out: they are items of an ability that is to be kept"))
    if not train:
        raise DataError(
            "every train row is an item of an ability that is to be kept", "keep other items, or train on others"
        )
    return replace(rows, train=train, validation=validation)


def with_development_items(config: TuneConfig) -> TuneConfig:
    """A part of the user's own items is set apart to choose by."""
    fraction = config.measure.dev_fraction or DEV_FRACTION
    return replace(config, measure=replace(config.measure, dev_fraction=fraction))


def _default_name(config: TuneConfig) -> str:
    return f"{task_name(config.data.train or 'data')}-{config.method.kind}"


def tidy(run: Path) -> None:
    """Checkpoints, and weights that were not chosen, have served once the result is written."""
    for path in (*run.glob("checkpoint-*"), run / "best", run / WHOLE, run / RUNGS):
        shutil.rmtree(path, ignore_errors=True)
