"""A study: trials of one question in one folder, run as far as they are not finished yet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keeptune.config.schema import TuneConfig
from keeptune.errors import TrainingError
from keeptune.events import Notice, Observer
from keeptune.experiments.trial_scores import FinishedTrial
from keeptune.experiments.trials import Executor, Trial, read_trial, refuse_other_bases, refuse_others
from keeptune.records import RunManifest, to_plain
from keeptune.workspace.manifest import ModelFacts, make_manifest


@dataclass(frozen=True, slots=True)
class StudyTrials:
    """The trials of a study, after they were run."""

    trials: Sequence[Trial]
    finished: Sequence[FinishedTrial]
    errors: dict[Trial, str]
    """Why a trial has no result."""

    def manifest(self, seed: int) -> RunManifest:
        """What made the study: the base and the rows of its trials."""
        made = self.finished[0].result.manifest
        base = ModelFacts(made.model, made.model_hash, made.device, made.dtype)
        return make_manifest(base, train_hash=made.train_hash, test_hash=made.test_hash, seed=seed)


def run_trials(trials: Sequence[Trial], observer: Observer, execute: Executor) -> StudyTrials:
    """Run the trials that are not finished; a failed one is reported and stops no other.

    Raises:
        StoreError: a finished trial was run with other rows, settings or weights.
        TrainingError: no trial finished.
    """
    refuse_others(trials)
    due = [trial for trial in trials if not trial.finished]
    for trial in trials:
        if trial.finished:
            # What a start that was killed right after the result has left.
            trial.run.remove_intermediates()
    if len(due) < len(trials):
        observer(Notice("trial", f"{len(trials) - len(due)} of {len(trials)} trials are finished already"))
    errors: dict[Trial, str] = {}
    for ended in execute(due, observer) if due else ():
        if ended.error:
            errors[ended.trial] = ended.error
            observer(Notice("trial", f"{ended.trial} failed: {ended.error}"))
    finished = [read_trial(trial) for trial in trials if trial.finished]
    if not finished:
        first = next(iter(errors.values()), "they ended without a result")
        told = f"none of the {len(trials)} trials finished; the first: {first}"
        raise TrainingError(told, "correct what this names, and give the same command again")
    refuse_other_bases(finished)
    return StudyTrials(trials, finished, errors)


def plain_settings(config: TuneConfig) -> dict[str, Any]:
    """The settings as a report holds them."""
    plain: dict[str, Any] = json.loads(json.dumps(to_plain(config)))
    return plain
