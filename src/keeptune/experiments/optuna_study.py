"""A search for the learning rate and the epochs with the lowest validation loss, among those that drift little.

Trials are drawn by a tree-structured Parzen estimator (Bergstra et al. 2011) that knows the drift budget as a
constraint; one that is worse half-way than the median of those before is broken off.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keeptune.errors import TrainingError
from keeptune.events import Notice, Observer
from keeptune.records import HyperparameterSearchReport, SearchTrial
from keeptune.training.optuna_needed import refuse_without_optuna

STARTUP = 4
"""Trials drawn at random, the first with the defaults, before the estimator draws."""
NAME = "search"


@dataclass(frozen=True, slots=True)
class Space:
    """What may be tried. The first trial has `lr` and `epochs`, the defaults."""

    lr: float
    epochs: float
    lr_range: tuple[float, float]
    """Equal ends: it is given."""
    epochs_choices: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """How a training ended."""

    loss: float
    drift: float
    seconds: float


Report = Callable[[float], bool]
"""Takes the validation loss at each of a training's checks; True: break it off."""
Training = Callable[[float, float, Report], Measured | None]
"""(lr, epochs, report) → how it ended; None: it was broken off, or diverged."""


@dataclass(frozen=True, slots=True)
class Study:
    """A search to make."""

    space: Space
    trials: int
    max_drift: float
    """The drift budget, in nats per token."""
    seed: int
    journal: Path
    """Keeps the trials; a search that was stopped goes on to the same end."""

    def search(self, train: Training, observer: Observer) -> HyperparameterSearchReport:
        """Train until there are `trials` of them in the journal.

        Raises:
            MissingDependency: optuna is not there. TrainingError: no trial came to its end.
        """
        optuna = _optuna()
        study = optuna.create_study(
            storage=_storage(self.journal),
            study_name=NAME,
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=2, n_warmup_steps=1),
        )
        states = optuna.trial.TrialState
        for broken in study.get_trials(states=(states.RUNNING,)):
            study.tell(broken.number, state=states.FAIL)
        ended = (states.COMPLETE, states.PRUNED)
        while (number := len(study.get_trials(states=ended))) < self.trials:
            if number == 0 and not study.get_trials(states=(states.WAITING,)):
                study.enqueue_trial({"lr": self.space.lr, "epochs": self.space.epochs})
            study.sampler = _sampler(self.seed, number)
            told = self._try(study, train)
            observer(Notice("search", f"trial {number + 1} of {self.trials}: {told}"))
        return report([_trial(frozen) for frozen in study.get_trials(states=ended)], self.max_drift)

    def _try(self, study: Any, train: Training) -> str:
        """One trial, recorded in `study`. → what came of it, in words."""
        trial = study.ask()
        lr = trial.suggest_float("lr", *self.space.lr_range, log=True)
        epochs = trial.suggest_categorical("epochs", self.space.epochs_choices)
        found = train(lr, epochs, _Checks(trial))
        if found is not None:
            for name in ("loss", "drift", "seconds"):
                trial.set_user_attr(name, getattr(found, name))
            trial.set_constraint("drift", found.drift - self.max_drift)
        if found is not None and found.drift <= self.max_drift:
            study.tell(trial, found.loss)
        else:
            # What drifts too far counts as broken off, so that no other is measured by its loss.
            study.tell(trial, state=_optuna().trial.TrialState.PRUNED)
        return _told(lr, epochs, found, self.max_drift)


def report(trials: Sequence[SearchTrial], max_drift: float) -> HyperparameterSearchReport:
    """The lowest loss within the budget; where nothing is within it, the least drift.

    Raises:
        TrainingError: no trial came to its end.
    """
    whole = [(trial.loss, trial.drift, trial) for trial in trials if trial.loss is not None and trial.drift is not None]
    if not whole:
        raise TrainingError("no trial of the search finished: the loss was not a number", "set a lower --lr")
    within = [each for each in whole if each[1] <= max_drift]
    if within:
        loss, drift, best = min(within, key=lambda each: each[0])
        why = f"the lowest validation loss ({loss:.3f}) of {len(within)} trials within a drift of {max_drift:g}"
    else:
        loss, drift, best = min(whole, key=lambda each: each[1])
        why = f"no trial stayed within a drift of {max_drift:g} nats per token; this one drifted least ({drift:.3g})"
    return HyperparameterSearchReport(tuple(trials), max_drift, best.lr, best.epochs, why, bool(within))


@dataclass(slots=True)
class _Checks:
    """Hands a training's losses to Optuna, in their order."""

    trial: Any
    made: int = 0

    def __call__(self, loss: float, /) -> bool:
        self.trial.report(loss, self.made)
        self.made += 1
        return bool(self.trial.should_prune())


def _sampler(seed: int, number: int) -> Any:
    """Of one trial, by its number: a search that goes on draws what it would have drawn."""
    drawn = random.Random(f"{seed} {number}").getrandbits(32)
    return _optuna().samplers.TPESampler(n_startup_trials=STARTUP, seed=drawn)


def _trial(frozen: Any) -> SearchTrial:
    loss, drift, seconds = (frozen.user_attrs.get(name) for name in ("loss", "drift", "seconds"))
    return SearchTrial(frozen.params["lr"], frozen.params["epochs"], loss, drift, seconds or 0.0)


def _told(lr: float, epochs: float, found: Measured | None, max_drift: float) -> str:
    ended = "stopped early" if found is None else f"validation loss {found.loss:.3f}, drift {found.drift:.3g}"
    over = ", above the budget" if found is not None and found.drift > max_drift else ""
    return f"lr {lr:.2g}, epochs {epochs:g}: {ended}{over}"


def _storage(journal: Path) -> Any:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    return JournalStorage(JournalFileBackend(str(journal), JournalFileOpenLock(str(journal))))


def _optuna() -> Any:
    refuse_without_optuna()
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
