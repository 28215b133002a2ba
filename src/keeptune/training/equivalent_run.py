"""A training that is there is used again: by runs that differ in the interpolation, and by the candidates of a
mitigation search beside it."""

from __future__ import annotations

import shutil
from pathlib import Path

from keeptune.config.schema import ModelConfig, TuneConfig
from keeptune.errors import KeeptuneError, StoreError
from keeptune.events import Notice, Observer, silent
from keeptune.export.save_interpolated import save_interpolated
from keeptune.models.find import find_model, hash_model
from keeptune.models.interpolation import scales
from keeptune.models.load import load_model
from keeptune.models.weight_files import ADAPTER_CONFIG, read_json
from keeptune.records import TrainingSummary
from keeptune.training.resume import TRAINED_ON
from keeptune.workspace.atomic import atomic_folder
from keeptune.workspace.workspace import Workspace

FIX = "start a new run in another --output"


def equivalent_run(run: Workspace, observer: Observer = silent) -> Workspace | None:
    """A run of the same settings and rows, trained to the end, whose weights are at full strength: beside this one or,
    for a candidate, beside the run that searches."""
    for other in run.beside():
        if not _alike(other, run):
            continue
        try:
            other.training()
            hash_model(find_model(ModelConfig(name=str(_weights(other)))))
        except KeeptuneError as error:
            observer(Notice("neighbour", f"the training of {other.path.name} is not used again: {error.message}"))
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


def interpolation(config: TuneConfig, whole: Workspace, run: Workspace) -> TrainingSummary:
    """Write the share α of what `whole` changed as the weights of `run`.

    Raises:
        StoreError: `whole` holds no weights.
        ModelError: an adapter that cannot be merged.
    """
    tuned = _weights(whole)
    lora = tuned == whole.adapter and scales(read_json(tuned / ADAPTER_CONFIG))
    base = None if lora else load_model(config.model, train_weights=True)
    save_interpolated(base, tuned, config.mitigation.interpolation, run.adapter if lora else run.model, config.model)
    return _keep_summary(whole, run)


def _weights(run: Workspace) -> Path:
    if run.weights is None:
        raise StoreError(f"{run} holds no weights", FIX)
    return run.weights


def _keep_summary(whole: Workspace, run: Workspace) -> TrainingSummary:
    summary = whole.training()
    run.write_training(summary)
    return summary


def _alike(other: Workspace, run: Workspace) -> bool:
    made_of = run.origin()
    try:
        whole_change = other.settings()["mitigation"]["interpolation"] == 1.0
        its = other.origin()
        return whole_change and all(its.get(name) == made_of.get(name) for name in TRAINED_ON)
    except (StoreError, KeyError, TypeError):
        # What cannot be read, or is of an earlier version, is not used again.
        return False
