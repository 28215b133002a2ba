"""Trials: ordinary runs of `tune`, one for each method and seed, in folders of their own. A finished one stands."""

from __future__ import annotations

import json
import math
import shutil
import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from keeptune.abilities.previous_tasks import protect_previous_tasks
from keeptune.config.paths import with_absolute_paths
from keeptune.config.schema import DataConfig, MeasureConfig, ModelConfig, TuneConfig
from keeptune.errors import KeeptuneError, ProcessLost, StoreError
from keeptune.events import Notice, Observer, silent
from keeptune.experiments.trial_scores import FinishedTrial
from keeptune.experiments.tuning import run_tuning
from keeptune.mitigation.default import with_default_mitigation
from keeptune.models.find import find_model, hash_model
from keeptune.models.memory import not_enough, out_of_memory
from keeptune.records import to_plain
from keeptune.training.new_session import rows_of, with_items_apart
from keeptune.training.resume import METRICS, metric_files
from keeptune.training.start import merged_start
from keeptune.workspace.atomic import is_of_the_disk, not_written
from keeptune.workspace.workspace import Workspace

ASKED = ("keep", "abilities", "items", "extent", "dev_fraction", "prompt_fraction")
"""Settings that decide what is asked, and by what margins."""
OTHER = "remove the earlier trials, or name another --output"


@dataclass(frozen=True, slots=True)
class Trial:
    """One training to be done."""

    method: str
    seed: int
    config: TuneConfig
    """Its `output` is the trial's folder."""

    def __str__(self) -> str:
        """Its method and seed, for messages."""
        return f"{self.method}, seed {self.seed}"

    @property
    def run(self) -> Workspace:
        """Its run folder."""
        return Workspace(Path(self.config.output))

    @property
    def finished(self) -> bool:
        """Whether its result is there."""
        return self.run.has_result


@dataclass(frozen=True, slots=True)
class Ended:
    """How a trial ended: its result is in its folder, or `error` says why there is none."""

    trial: Trial
    error: str = ""


def read_trial(trial: Trial) -> FinishedTrial:
    """A finished trial with its result.

    Raises:
        StoreError: none that can be read, or the result of another verb.
    """
    return FinishedTrial(trial.method, trial.seed, trial.run, trial.run.tune_result())


def refuse_others(trials: Iterable[Trial]) -> None:
    """What the finished ones were trained and asked with must be what the others will be.

    Raises:
        StoreError: rows that have changed since, or other abilities, items or margins; the trial named.
    """
    now: dict[tuple[DataConfig, MeasureConfig], dict[str, str]] = {}
    weights: dict[ModelConfig, str] = {}
    for trial in trials:
        if not trial.finished or not trial.run.has_origin:
            continue
        config = with_items_apart(protect_previous_tasks(with_default_mitigation(trial.config), silent))
        given = json.loads(json.dumps(to_plain(with_absolute_paths(config).measure)))
        asked = trial.run.settings()["measure"]
        others = [name for name in ASKED if asked.get(name) != given[name]]
        if others:
            raise StoreError(f"{trial.run} was evaluated with another {' and '.join(others)}", OTHER)
        minutes, result = config.training.max_minutes, trial.run.result()
        then = result["config"]["training"]["max_minutes"]
        cut = result["training"]["stopped_by"] == "max_minutes"
        if minutes != then and (cut or (minutes or math.inf) * 60 < result["training"]["seconds"]):
            raise StoreError(f"{trial.run} was trained with another max_minutes, {then}", OTHER)
        if (config.data, config.measure) not in now:
            now[config.data, config.measure] = rows_of(trial.config).hashes()
        kept = trial.run.origin()
        hashes = now[config.data, config.measure]
        changed = [role for role, value in hashes.items() if kept.get(role, value) != value]
        if changed:
            raise StoreError(f"{trial.run} was run with other {' and '.join(changed)} rows", OTHER)
        started = merged_start(config.model, trial.run)
        if started not in weights:
            weights[started] = hash_model(find_model(started))
        if kept.get("model", weights[started]) != weights[started]:
            raise StoreError(f"{trial.run} started from weights that {started.name} no longer holds", OTHER)
        files = metric_files(config)
        if kept.get(METRICS, files) != files:
            raise StoreError(f"{trial.run} was scored by a metric whose file has changed since", OTHER)


def refuse_other_bases(finished: Sequence[FinishedTrial]) -> None:
    """Each change is told against the trial's own base, and they are compared as changes of one.

    Raises:
        StoreError: trials that began with other weights.
    """
    first = finished[0].result.manifest
    for trial in finished:
        if trial.result.manifest.model_hash != first.model_hash:
            raise StoreError(f"{trial.run} began with other weights than {finished[0].run}", OTHER)


class Executor(Protocol):
    """Runs trials, in any order, and yields each as it ends; a failed one stops no other."""

    def __call__(self, trials: Sequence[Trial], observer: Observer, /) -> Iterator[Ended]: ...


def run_in_turn(trials: Sequence[Trial], observer: Observer) -> Iterator[Ended]:
    """The executor without a cluster: one trial after another, in this process."""
    for number, trial in enumerate(trials, 1):
        observer(Notice("trial", f"trial {number} of {len(trials)}: {trial}"))
        yield Ended(trial, run_trial(trial, observer))


def run_trial(trial: Trial, observer: Observer = silent) -> str:
    """Train and score one trial, or go on with it where it was broken off. → why it failed, "" where it did not.

    Only what stops the whole program, such as Ctrl-C, is raised.
    """
    if trial.finished:
        return ""
    resume = trial.run.has_settings
    if not resume and trial.run.path.exists():
        # Broken off before it was anything that can go on.
        shutil.rmtree(trial.run.path)
    try:
        run_tuning(replace(trial.config, resume=resume), observer)
    except ProcessLost:
        raise
    except KeeptuneError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001
        if is_of_the_disk(error):
            return str(not_written(trial.run.path, error))
        if out_of_memory(error):
            return str(not_enough(error))
        return f"{type(error).__name__}: {error}\n{traceback.format_exc()}"
    return ""
