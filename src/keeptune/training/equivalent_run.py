"""Reuse existing trainings, for runs that change the weights only after the training and for candidates of a mitigation
search."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from keeptune.config.schema import ModelConfig, TuneConfig
from keeptune.errors import KeeptuneError, StoreError
from keeptune.events import Notice, Observer, silent
from keeptune.mitigation.active import after_training
from keeptune.mitigation.spec import AUTO
from keeptune.models.find import find_model, hash_model
from keeptune.records import TrainingSummary
from keeptune.training.resume import TRAINED_ON
from keeptune.workspace.atomic import atomic_folder
from keeptune.workspace.workspace import Workspace

FIX = "start a new run in another --output"


def equivalent_run(run: Workspace, observer: Observer = silent) -> Workspace | None:
    """A finished training with the same settings and rows and without later changes to its weights, in the folder of
    this run or, for a candidate, in that of the searching run."""
    for other in run.beside():
        if not _equivalent(other, run):
            continue
        try:
            other.training()
            hash_model(find_model(ModelConfig(name=str(_weights(other)))))
        except KeeptuneError as error:
            observer(Notice("neighbour", f"the training of {other.path.name} is not reused: {error.message}"))
            continue
        return other
    return None


def take_over(whole: Workspace, run: Workspace) -> TrainingSummary:
    """Copy the weights of `whole` into `run`, so that either can be deleted.

    Raises:
        StoreError: `whole` holds no weights.
    """
    tuned = _weights(whole)
    with atomic_folder(run.path / tuned.name) as partial:
        shutil.copytree(tuned, partial, dirs_exist_ok=True)
    return _keep_summary(whole, run)


def change_weights(config: TuneConfig, whole: Workspace, run: Workspace) -> TrainingSummary:
    """Write the weights of `whole` to `run`, changed by the mitigations that follow a training.

    Raises:
        StoreError: `whole` holds no weights.
        ModelError: an adapter that cannot be merged.
    """
    choice, tuned = run.alpha_choice(), _weights(whole)
    steps = [(change, choice.alpha if choice and value == AUTO else value) for change, value in after_training(config)]
    if choice and choice.alpha == 1:
        # All of the change is kept: an adapter that cannot be scaled stays an adapter.
        steps = [(change, value) for change, value in after_training(config) if value != AUTO]
    if not steps:
        return take_over(whole, run)
    with tempfile.TemporaryDirectory(dir=run.path, prefix=".", suffix=".partial") as between:
        for number, (change, value) in enumerate(steps, 1):
            changed = run if number == len(steps) else Workspace(Path(between) / str(number))
            changed.path.mkdir(exist_ok=True)
            change(value, config, tuned, changed)
            tuned = _weights(changed)
    return _keep_summary(whole, run)


def _weights(run: Workspace) -> Path:
    if run.weights is None:
        raise StoreError(f"{run} holds no weights", FIX)
    return run.weights


def _keep_summary(whole: Workspace, run: Workspace) -> TrainingSummary:
    summary = whole.training()
    run.write_training(summary)
    return summary


def _equivalent(other: Workspace, run: Workspace) -> bool:
    made_of = run.origin()
    try:
        whole_change = not after_training(other.tune_settings())
        its = other.origin()
        return whole_change and all(its.get(name) == made_of.get(name) for name in TRAINED_ON)
    except (KeeptuneError, ValueError, KeyError, TypeError):
        # A run that is unreadable or from an earlier version is not used.
        return False
