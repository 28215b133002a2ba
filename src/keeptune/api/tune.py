"""`keeptune.tune`: train on one task, score base and tuned on the same unseen items, say what is certain: of the gain
there, and of what was lost elsewhere."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from keeptune.api.dialed import WHOLE
from keeptune.api.evaluate import of_run
from keeptune.api.forget import Forgetting, Task
from keeptune.api.ladder import RUNGS, Climb, Climbed, Trainer, settle
from keeptune.api.prepare import EMBEDDED, Metrics, Rows, choose, load_rows, make_encoder, rows_of_user
from keeptune.api.result import make_result
from keeptune.api.score import Scored, score
from keeptune.api.search import found_settings
from keeptune.api.start import keep_earlier, whole_model
from keeptune.api.train import keep_settings, train
from keeptune.config.schema import TuneConfig
from keeptune.events import Event, Notice, Observer, RunFinished, silent
from keeptune.export.save import saved_tuned
from keeptune.mitigation.rungs import PLAIN, rungs_of
from keeptune.records import ForgettingReport, TuneResult, to_plain
from keeptune.store.atomic import write_json, write_jsonl
from keeptune.store.runs import RESULT, open_run

DEV_FRACTION = 0.3
"""Share of the user's own items that a ladder chooses by, where the settings say nothing."""


@dataclass(slots=True)
class _Notes:
    """Passes events on, and keeps the notices for the result."""

    observer: Observer
    kept: list[str]

    def __call__(self, event: Event, /) -> None:
        if isinstance(event, Notice):
            self.kept.append(event.message)
        self.observer(event)


def tune(config: TuneConfig, observer: Observer = silent) -> TuneResult:
    """Fine-tune, evaluate, and leave a run folder with everything in it.

    Raises:
        KeeptuneError: see the tree in `keeptune.errors`; nothing that was there before is changed by a failure.
    """
    notes = _Notes(observer, [])
    config = keep_earlier(config, notes)
    encoder = make_encoder(of_run(config.model), config.data)
    rows = load_rows(config, notes)
    metrics = choose(config.evaluation, rows.test)
    notes(Notice("metric", f"{metrics.primary.name}: {metrics.reason}"))
    with open_run(config.output, _default_name(config), resume=config.resume) as run:
        config = replace(config, model=whole_model(config.model, run))
        seconds: dict[str, float] = {}
        config = found_settings(config, run, rows, encoder, metrics, notes)
        climbed = None
        if config.ladder.auto:
            config = with_development_items(config)
            keep_settings(config, run)
            make = Trainer(config, run, rows, encoder, metrics, notes)
            rungs = (PLAIN, *rungs_of(config))
            climbed = Climb(config, run, rows, encoder, metrics, make, notes, seconds, rungs)()
            settle(climbed.made.model, run)
        summary = climbed.made.summary if climbed else None
        summary = summary or train(config, run, rows, encoder, metrics, notes, seconds)
        scored = score(config, run, rows, encoder, metrics, notes, seconds)
        result = make_result(config, run, rows, metrics, summary, scored, notes.kept, seconds)
        for name, records in scored.records.items():
            write_jsonl(run / "samples" / f"{name}.jsonl", [to_plain(record) for record in records])
        if config.measure.extent != "none":
            found = _measure(config, run, rows, metrics, scored, notes, result, climbed)
            result = replace(result, forgetting=found)
        write_json(run / RESULT, to_plain(result))
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
    task = Task(rows.test, scored.records["base"], scored.records["tuned"], metrics.primary)
    report = forgetting(task, notes.kept, made)
    if climbed is None and report.gate in ("fail", "inconclusive"):
        rungs = rungs_of(config)
        minutes = made.training.seconds / 60
        notes(
            Notice(
                "auto",
                f"--auto looks for the cheapest remedy: {len(rungs)} rungs ({', '.join(rungs)}); each that trains "
                f"takes about {minutes:.0f} minutes, and it stops at the first that keeps everything",
            )
        )
    return report


def with_development_items(config: TuneConfig) -> TuneConfig:
    """A part of the user's own items is set apart to choose by."""
    fraction = config.measure.dev_fraction or DEV_FRACTION
    return replace(config, measure=replace(config.measure, dev_fraction=fraction))


def _default_name(config: TuneConfig) -> str:
    data = config.data.train or "data"
    path = Path(data)
    task = data if data == EMBEDDED or not path.exists() else (path.parent.name or path.stem)
    return f"{task.replace('/', '-').replace(':', '-')}-{config.method.kind}"


def tidy(run: Path) -> None:
    """Checkpoints, and weights that were not chosen, have served once the result is written."""
    for path in (*run.glob("checkpoint-*"), run / "best", run / WHOLE, run / RUNGS):
        shutil.rmtree(path, ignore_errors=True)
