"""The training part of `tune`: load, adapt, loop, save, or read the training of an earlier start."""

from __future__ import annotations

import dataclasses
import gc
import shutil

from keeptune.events import Notice
from keeptune.exports.save import save_tuned
from keeptune.mitigation.active import after_training, without_after_training
from keeptune.mitigation.fit import unfit
from keeptune.models.memory import Meter, trim
from keeptune.records import TrainingSummary
from keeptune.training.checkpoint import LoopState
from keeptune.training.equivalent_run import change_weights, equivalent_run, take_over
from keeptune.training.prepare import Prepared, prepared
from keeptune.training.resume import check_origin, keep_training_origin
from keeptune.training.session import Session
from keeptune.workspace.course import CourseLog
from keeptune.workspace.sums import damaged_files
from keeptune.workspace.workspace import Workspace


def train(session: Session) -> TrainingSummary:
    """Train, or read the training of an earlier start of this run."""
    config, run = session.config, session.workspace
    if error := unfit(config):
        raise error
    check_origin(session)
    if run.is_trained and not _left_damaged(session):
        return run.training()
    if after_training(config):
        return change_weights(config, whole_training(session), run)
    if run.is_candidate and (alike := _equivalent_run(session)):
        return take_over(alike, run)
    return _trained_anew(session)


def _left_damaged(session: Session) -> bool:
    """Whether the weights of an earlier start are damaged: they are deleted, to be made again."""
    folder = session.workspace.weights
    names = damaged_files(folder) if folder else []
    if folder and names:
        session.observer(Notice("training", f"{folder / names[0]} is damaged, so these weights are made again"))
        shutil.rmtree(folder)
    return bool(names)


def whole_training(session: Session) -> Workspace:
    """The training whose weights a run changes afterwards: an equivalent run in the same folder, or one inside this
    run."""
    check_origin(session)
    session.workspace.begin(session.config)
    if alike := _equivalent_run(session):
        return alike
    whole = session.workspace.whole
    whole.path.mkdir(exist_ok=True)
    train(dataclasses.replace(session, config=without_after_training(session.config), workspace=whole))
    # Other weights are written next, and a checkpoint is several times their size.
    whole.remove_intermediates()
    return whole


def _equivalent_run(session: Session) -> Workspace | None:
    alike = equivalent_run(session.workspace, session.observer)
    message = f"the training of {alike.path.name} is reused" if alike else ""
    # The choice of α asks first, then the training.
    if message and message not in session.notices:
        session.observer(Notice("training", message))
    return alike


def _trained_anew(session: Session) -> TrainingSummary:
    with session.timed("load"):
        made = prepared(session)
        session.workspace.begin(made.config)
        keep_training_origin(session)
    with CourseLog(made.loop.observer, session.workspace.course_file) as made.loop.observer:
        state = made.loop()
    session.seconds["train"] = state.seconds
    save_tuned(made.loop.loaded, session.workspace)
    summary = _summary(made, state, len(session.rows.validation))
    session.workspace.write_training(summary)
    del made
    gc.collect()
    trim()
    return summary


def _summary(made: Prepared, state: LoopState, validation_examples: int) -> TrainingSummary:
    loop = made.loop
    return TrainingSummary(
        method=made.config.method.kind,
        examples=made.learned,
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
        token_budget=state.token_budget,
        compiled=loop.compiled,
    )
