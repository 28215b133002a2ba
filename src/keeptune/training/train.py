"""The training part of `tune`: load, adapt, loop, save; or read back what an earlier start has trained."""

from __future__ import annotations

import dataclasses
import gc
from pathlib import Path

from keeptune.config.paths import with_absolute_paths
from keeptune.config.schema import TuneConfig
from keeptune.events import Notice
from keeptune.export.save import save_tuned, saved_tuned
from keeptune.mitigation.fit import unfit
from keeptune.models.memory import Meter, trim
from keeptune.records import TrainingSummary, to_plain
from keeptune.training.checkpoint import LoopState
from keeptune.training.equivalent_run import (
    DONE,
    WHOLE,
    equivalent_run,
    interpolation,
    is_candidate,
    take_over,
    trained,
)
from keeptune.training.prepare import Prepared, prepared
from keeptune.training.resume import keep_trained_by, refuse_another
from keeptune.training.session import Session
from keeptune.workspace.atomic import write_json
from keeptune.workspace.runs import CONFIG
from keeptune.workspace.written import write_settings


def train(session: Session) -> TrainingSummary:
    """Train, or read what an earlier start of this run has trained."""
    config, run = session.config, session.run
    if error := unfit(config):
        raise error
    refuse_another(session)
    if (run / DONE).exists() and saved_tuned(run) is not None:
        return trained(run)
    interpolated = config.mitigation.interpolation != 1.0
    alike = equivalent_run(run, session.observer) if interpolated or is_candidate(run) else None
    if alike is not None:
        session.observer(Notice("training", f"the training of {alike.name} is used again"))
    if interpolated or alike is not None:
        keep_settings(config, run)
    if interpolated:
        whole = alike or run / WHOLE
        if alike is None:
            whole.mkdir(exist_ok=True)
            mitigation = dataclasses.replace(config.mitigation, interpolation=1.0)
            train(dataclasses.replace(session, config=dataclasses.replace(config, mitigation=mitigation), run=whole))
        return interpolation(config, whole, run)
    if alike is not None:
        return take_over(alike, run)
    return _trained_anew(session)


def _trained_anew(session: Session) -> TrainingSummary:
    with session.timed("load"):
        made = prepared(session)
        keep_settings(made.config, session.run)
        keep_trained_by(session)
    state = made.loop()
    session.seconds["train"] = state.seconds
    save_tuned(made.loop.loaded, session.run)
    summary = _summary(made, state, len(session.rows.validation))
    write_json(session.run / DONE, to_plain(summary))
    del made
    gc.collect()
    trim()
    return summary


def keep_settings(config: TuneConfig, run: Path) -> None:
    """Write what the run is made of, once."""
    if not (run / CONFIG).exists():
        write_config(config, run)


def write_config(config: TuneConfig, run: Path) -> None:
    """The settings of `run`, so that it can go on from any folder."""
    write_settings(run / CONFIG, with_absolute_paths(dataclasses.replace(config, output=str(run), resume=False)))


def _summary(made: Prepared, state: LoopState, validation_examples: int) -> TrainingSummary:
    loop = made.loop
    return TrainingSummary(
        method=made.config.method.kind,
        examples=loop.rows.epoch.rows,
        validation_examples=validation_examples,
        epochs=state.step / loop.epoch_steps,
        steps=state.step,
        best_step=state.best_step or state.step,
        trainable_parameters=loop.loaded.trainable,
        total_parameters=made.parameters,
        tokens=state.tokens,
        completion_tokens=state.completion_tokens,
        seconds=state.seconds,
        tokens_per_second=state.tokens / max(state.seconds, 1e-9),
        loss_curve=state.loss_curve,
        validation_curve=state.validation_curve,
        stopped_by="epochs" if state.step >= loop.steps else "max_minutes",
        forecast=loop.forecast,
        peak_bytes=Meter(loop.loaded.placement.device).peak(),
        lr=loop.lr,
    )
