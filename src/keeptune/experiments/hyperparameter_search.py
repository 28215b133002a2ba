"""`tune --hyperparameter-search`: learning rate and epochs by short trainings under a drift budget, before the
training itself."""

from __future__ import annotations

import gc
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from keeptune.config.schema import TrainingConfig, TuneConfig
from keeptune.data.split import limit_examples
from keeptune.errors import ConfigError, NonFiniteLogits, NonFiniteLoss
from keeptune.events import Event, Notice, StepDone, TrainingStarted
from keeptune.experiments.optuna_study import Measured, Report, Space, Study
from keeptune.inference.base_text import sample_text
from keeptune.inference.drift import kl_by_row, kl_of_adapter
from keeptune.mitigation.fit import unfit
from keeptune.models.load import LoadedModel, load_model
from keeptune.records import EncodedRow, HyperparameterSearchReport
from keeptune.training.defaults import default_epochs, default_lr
from keeptune.training.prepare import prepared
from keeptune.training.resume import check_origin
from keeptune.training.selection import Validate
from keeptune.training.session import Session
from keeptune.workspace.search_run import SearchRun

ROWS = 512
"""Rows of the task that a trial learns from at most: with fewer, it is the training itself."""
CHECKS = 4
"""Validations of a trial, evenly over its steps, so that trials of any length are compared at the same places."""
EPOCHS = (1.0, 2.0, 4.0)
LR_SPAN = 10.0
"""Rates from the default's tenth to ten times it."""
TEXTS = 64
TEXT_TOKENS = 64
TEXT_SEED = 104_729
"""Of the text that drift is taken on; other text is trained on, and measured on in the end."""


def with_found_settings(session: Session) -> Session:
    """`session` with lr and epochs as a search found them; as it is where none was asked for, or both are given.

    A search that was stopped goes on; one that has ended is read.

    Raises:
        ConfigError: no rows to see the loss on, or settings that cannot be trained.
        MissingDependency: optuna is not there.
    """
    config, run, observer, training = session.config, session.workspace, session.observer, session.config.training
    if not training.hyperparameter_search:
        return session
    if training.lr is not None and training.epochs is not None:
        observer(Notice("search", "lr and epochs are given, so there is nothing to search for"))
        return session
    if not session.rows.validation:
        raise ConfigError("--hyperparameter-search needs validation rows for the loss", "raise --validation-fraction")
    if error := unfit(config):
        raise error
    check_origin(session)
    run.begin(config)
    report = run.hyperparameter_search()
    if report is None:
        report = _search(session)
        SearchRun(run.path).write_hyperparameter_search(report)
    observer(Notice("search", f"lr {report.lr:.2g}, epochs {report.epochs:g}: {report.reason}"))
    found = replace(config, training=replace(training, lr=report.lr, epochs=report.epochs))
    run.write_tune_settings(found)
    return session.with_config(found)


def _search(session: Session) -> HyperparameterSearchReport:
    config, rows, training = session.config, session.rows, session.config.training
    base = load_model(config.model)
    texts = sample_text(base, TEXTS, TEXT_TOKENS, TEXT_SEED)
    space = _space(config, base.parameters, len(rows.train))
    del base
    few = replace(rows, train=limit_examples(rows.train, ROWS, training.seed))
    run = SearchRun(session.workspace.path)
    trials = _Trials(replace(session, workspace=run.search_trial, rows=few), texts)
    study = Study(space, training.hyperparameter_search, training.max_drift, training.seed, run.search_journal)
    return study.search(trials, session.observer)


def _space(config: TuneConfig, parameters: int, examples: int) -> Space:
    """What is given is not searched."""
    training = config.training
    lr = training.lr or default_lr(config.method, parameters)
    epochs = training.epochs or default_epochs(examples)
    ends = (lr, lr) if training.lr else (lr / LR_SPAN, min(lr * LR_SPAN, 0.5))
    return Space(lr, epochs, ends, (epochs,) if training.epochs else EPOCHS)


@dataclass(frozen=True, slots=True)
class _Trials:
    """Trains once with each setting that it is given. Nothing of a trial stays on disk."""

    session: Session
    """Its folder is that of the trial under way."""
    texts: Sequence[EncodedRow]
    """Of the base."""

    def __call__(self, lr: float, epochs: float, report: Report, /) -> Measured | None:
        gc.collect()
        config, folder = self.session.config, self.session.workspace.path
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        config = replace(config, training=_short(config.training, lr, epochs))
        try:
            loop = prepared(replace(self.session, config=config, observer=self._tell)).loop
            assert loop.validate is not None, "there are validation rows"
            # Without the startup cache, so that the validation of the untrained model is counted.
            loop = replace(loop, startup_key="", validate=_checked(loop.validate, report))
            state = loop()
            loss, drift = min(loss for step, loss in state.validation_curve if step), self._drift(loop.loaded)
            return Measured(loss, drift, state.seconds) if math.isfinite(loss + drift) else None
        except (_BrokenOff, NonFiniteLoss, NonFiniteLogits):
            return None
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _tell(self, event: Event, /) -> None:
        """Only how far it is: what else there is to tell, the training itself tells once."""
        if isinstance(event, (TrainingStarted, StepDone)):
            self.session.observer(event)

    def _drift(self, tuned: LoadedModel) -> float:
        """Nats a token."""
        config = self.session.config
        budget = config.evaluation.token_budget
        if hasattr(tuned.model, "peft_config") and tuned.initial_adapter is None:
            sums = kl_of_adapter(tuned, self.texts, budget)
        else:
            sums = kl_by_row(load_model(config.model), tuned, self.texts, budget)
        return sum(value for value, _ in sums) / sum(tokens for _, tokens in sums)


class _BrokenOff(Exception):
    """A trial is worse than those before."""


def _short(training: TrainingConfig, lr: float, epochs: float) -> TrainingConfig:
    checks = max(1, round(CHECKS / epochs))
    return replace(training, lr=lr, epochs=epochs, validations_per_epoch=checks, select_by="loss")


def _checked(validate: Validate, report: Report) -> Validate:
    """`validate`, which also reports each loss but that of the untrained model, and ends a trial that is told to."""
    losses: list[float] = []

    def checked() -> tuple[float, Mapping[str, float]]:
        score, shown = validate()
        losses.append(score)
        if len(losses) > 1 and report(score):
            raise _BrokenOff
        return score, shown

    return checked
