"""What earlier runs taught a model is declared to be kept."""

from __future__ import annotations

from dataclasses import replace

from keeptune.config.keep import RUN
from keeptune.config.schema import EvaluationConfig, Keep, TuneConfig
from keeptune.data.task_rows import Rows, load_rows
from keeptune.errors import KeeptuneError, StoreError
from keeptune.events import Notice, Observer, silent
from keeptune.near_paths import did_you_mean_path, expanded
from keeptune.scoring.custom import is_custom
from keeptune.workspace.lineage import run_of
from keeptune.workspace.workspace import Workspace


def protect_previous_tasks(config: TuneConfig, observer: Observer) -> TuneConfig:
    """What an earlier run taught the model is kept, unless the settings name that run, or measure nothing."""
    earlier = run_of(config.model)
    if earlier is None or config.measure.extent == "none":
        return config
    keeps = list(config.measure.keep)
    kept_before = earlier.tune_settings().measure.keep
    before = [keep for keep in kept_before if keep.data.startswith(RUN) and not is_custom(keep.metric or "")]
    for keep in (Keep(earlier.path.name, f"{RUN}{earlier}"), *before):
        if any(other.data == keep.data for other in keeps):
            continue
        try:
            earlier_items(Workspace(expanded(keep.data.removeprefix(RUN))))
        except KeeptuneError as error:
            told = f"{keep.name}, an earlier task of this model, is not measured: {error.message}"
            observer(Notice("earlier", told))
            continue
        while any(other.name == keep.name for other in keeps):
            keep = replace(keep, name=f"{keep.name}-before")
        keeps.append(keep)
        told = f"{keep.name}, an earlier task of this model, is declared as an ability to keep, on its test rows"
        observer(Notice("earlier", told))
    return replace(config, measure=replace(config.measure, keep=tuple(keeps)))


def earlier_items(run: Workspace) -> tuple[Rows, EvaluationConfig]:
    """The rows of an earlier run, whose test rows show what it taught, and how they are scored.

    Raises:
        StoreError: the run is gone, its test rows are others than it was scored on, or code of its own scores it.
        DataError: its rows are gone.
    """
    if not run.has_settings:
        raise StoreError(
            f"there is no run {run}",
            f"{did_you_mean_path(run.path)}name the folder of a finished run, or its test rows as a file",
        )
    config = run.tune_settings("name the folder of a finished run of tune, or its test rows as a file")
    if own := list(filter(is_custom, config.evaluation.metrics)):
        # Whoever made the run may be a stranger.
        raise StoreError(
            f"{run} is scored by code that would run: {own[0]}",
            f"if you trust it, name the test rows and that metric: --keep NAME=FILE:{own[0]}",
        )
    rows = load_rows(config, silent)
    if rows.test_hash != run.result().get("manifest", {}).get("test_hash"):
        raise StoreError(f"the test rows of {run} have changed since it was scored", "name them as a file")
    return rows, config.evaluation
