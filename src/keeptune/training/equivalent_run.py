"""A training that is there is used again: by runs that differ in the interpolation, and by the candidates of a
mitigation search beside it."""

from __future__ import annotations

import shutil
from pathlib import Path

from keeptune.config.schema import ModelConfig, TuneConfig
from keeptune.errors import KeeptuneError, StoreError
from keeptune.events import Notice, Observer, silent
from keeptune.export.save import saved_tuned
from keeptune.export.save_interpolated import save_interpolated
from keeptune.models.find import find_model, hash_model
from keeptune.models.interpolation import scales
from keeptune.models.load import load_model
from keeptune.records import TrainingSummary, from_plain, to_plain
from keeptune.training.resume import TRAINED_ON
from keeptune.workspace.atomic import atomic_folder, write_json
from keeptune.workspace.json_file import read_json_file
from keeptune.workspace.runs import CANDIDATES, ROWS, read_json_object, read_settings

DONE = "training.json"
WHOLE = "whole"
"""Folder in a run for weights at full strength, where no other run has them."""
FIX = "start a new run in another --output"


def trained(run: Path) -> TrainingSummary:
    """What the loop did in `run`."""
    try:
        return from_plain(TrainingSummary, read_json_file(run / DONE))
    except (OSError, ValueError) as error:
        raise StoreError(f"{run / DONE} cannot be read: {error}", FIX) from error


def is_candidate(run: Path) -> bool:
    """Whether `run` is a training of another run's mitigation_search."""
    return run.parent.name == CANDIDATES


def equivalent_run(run: Path, observer: Observer = silent) -> Path | None:
    """A run of the same settings and rows, trained to the end, whose weights are at full strength: beside this one or,
    for a candidate, beside the run that searches."""
    run = run.resolve()
    places = [run.parent, run.parents[2]] if is_candidate(run) else [run.parent]
    for done in (done for place in places for done in sorted(place.glob(f"*/{DONE}"))):
        other = done.parent
        if other == run or saved_tuned(other) is None or not _alike(other, run):
            continue
        try:
            trained(other)
            hash_model(find_model(ModelConfig(name=str(_weights(other)))))
        except KeeptuneError as error:
            observer(Notice("neighbour", f"the training of {other.name} is not used again: {error.message}"))
            continue
        return other
    return None


def take_over(whole: Path, run: Path) -> TrainingSummary:
    """Copy the weights of `whole` into `run`, so that either can be deleted.

    Raises:
        StoreError: `whole` holds no weights.
    """
    tuned = _weights(whole)
    with atomic_folder(run / tuned.name) as partial:
        shutil.copytree(tuned, partial, dirs_exist_ok=True)
    return _keep_summary(whole, run)


def interpolation(config: TuneConfig, whole: Path, run: Path) -> TrainingSummary:
    """Write the share α of what `whole` changed as the weights of `run`.

    Raises:
        StoreError: `whole` holds no weights.
        ModelError: an adapter that cannot be merged.
    """
    tuned = _weights(whole)
    lora = tuned.name == "adapter" and scales(read_json_object(tuned / "adapter_config.json", FIX))
    base = None if lora else load_model(config.model, train_weights=True)
    save_interpolated(
        base, tuned, config.mitigation.interpolation, run / ("adapter" if lora else "model"), config.model
    )
    return _keep_summary(whole, run)


def _weights(run: Path) -> Path:
    tuned = saved_tuned(run)
    if tuned is None:
        raise StoreError(f"{run} holds no weights", FIX)
    return tuned


def _keep_summary(whole: Path, run: Path) -> TrainingSummary:
    summary = trained(whole)
    write_json(run / DONE, to_plain(summary))
    return summary


def _alike(other: Path, run: Path) -> bool:
    made_of = read_json_object(run / ROWS, FIX)
    try:
        whole_change = read_settings(other)["mitigation"]["interpolation"] == 1.0
        its = read_json_object(other / ROWS, FIX)
        return whole_change and all(its.get(name) == made_of.get(name) for name in TRAINED_ON)
    except (StoreError, KeyError, TypeError):
        # What cannot be read, or is of an earlier version, is not used again.
        return False
