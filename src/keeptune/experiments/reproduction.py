"""`keeptune reproduce`: a finished run is made again by its own settings, and what comes out is compared."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

from keeptune.config.schema import ModelConfig, TuneConfig
from keeptune.errors import ConfigError, StoreError
from keeptune.events import Event, Notice, Observer, RunStarted
from keeptune.experiments.repeatable import (
    changed_between,
    not_repeated,
    refuse_changed_inputs,
    refuse_other_verbs,
    would_be_made,
)
from keeptune.experiments.results_again import answers_again, loss_again, scores_again, verdicts_again
from keeptune.experiments.tuning import run_tuning
from keeptune.models.placement import place
from keeptune.models.weights_again import weights_again
from keeptune.near_paths import expanded
from keeptune.records import SCHEMA_VERSION, Outcome, Reproduction, TuneResult, from_plain, to_plain
from keeptune.workspace.lineage import code_named_by
from keeptune.workspace.repeated_run import RepeatedRun
from keeptune.workspace.run_entry import is_run
from keeptune.workspace.runs import find_run
from keeptune.workspace.workspace import Workspace


def run_reproduction(run: str, output: str, observer: Observer, *, allow_code: bool = False) -> Reproduction:
    """Train and evaluate again as `run` did, in a folder of its own, and compare.

    Args:
        allow_code: run the code that the settings of `run` name.

    Raises:
        ConfigError: they name code, and it is not allowed.
        StoreError: it cannot be repeated, or its data or base has changed.
        KeeptuneError: as `run_tuning`.
    """
    entry = find_run(run, Path("runs"))
    refuse_other_verbs(entry)
    first = Workspace(Path(entry.path))
    result = first.tune_result()
    again = RepeatedRun(expanded(output)) if output else _beside(first)
    config = replace(settings_again(first, result), output=str(again))
    if not allow_code:
        refuse_code(config, first)
    begun = _repeats(again, first)
    if begun and again.has_reproduction:
        raise StoreError(f"{again} holds a reproduction of {first}", "name another --output, or leave it out")
    notes = not_repeated(first, result)
    if not (begun and again.has_result):
        refuse_changed_inputs(config, first, result)
        for name, (then, now) in changed_between(result.manifest, would_be_made(config.model)).items():
            observer(Notice("reproduction", f"{name} was {then} and is {now}: bytes may differ"))
        for note in notes:
            observer(Notice("reproduction", note))

        def told(event: Event, /) -> None:
            if isinstance(event, RunStarted) and event.path == str(again):
                again.write_reproduces(first.path.resolve())
            observer(event)

        run_tuning(replace(config, resume=begun and again.has_settings), told)
    made = replace(_compared(first, again, result), notes=tuple(notes))
    again.write_reproduction(made)
    return made


def refuse_code(config: TuneConfig, run: Workspace) -> None:
    """Raise ConfigError if the settings of `run` name code that would run: it may come from anybody."""
    if code := code_named_by(to_plain(config)):
        raise ConfigError(
            f"the settings of the run {run} name code that would run: {', '.join(code.values())}",
            "read it, and if you trust it, add --allow-code (in Python: allow_code=True)",
        )


def settings_again(run: Workspace, result: TuneResult) -> TuneConfig:
    """The settings of a finished run, with what it chose by itself for this machine: device and dtype where this one
    has them, the tokens that memory held, and whether blocks were compiled. A hyperparameter search is not repeated.
    An adapter from which the run started is named as it was then, not by its merged weights in the run."""
    config, training = run.tune_settings(), result.training
    model = replace(config.model, name=run.started_from().get("model", config.model.name))
    return replace(
        config,
        model=_placed(model, run, result),
        training=replace(
            config.training,
            hyperparameter_search=0,
            tokens_in_memory=training.token_budget or None,
            torch_compile=config.training.torch_compile if training.compiled is None else training.compiled,
        ),
        resume=False,
    )


def _placed(model: ModelConfig, run: Workspace, result: TuneResult) -> ModelConfig:
    """`model` on the device and in the dtype that were taken then, if this machine has them.

    Raises:
        StoreError: they are none that keeptune knows.
    """
    then = {"device": result.manifest.device.partition(":")[0], "dtype": result.manifest.dtype}
    try:
        placed = from_plain(ModelConfig, to_plain(model) | then)
    except ValueError as error:
        raise StoreError(
            f"the result of {run} names what keeptune does not run on: {error}", "name another run"
        ) from error
    try:
        place(placed.device, placed.dtype)
    except ConfigError:
        return replace(model, device="auto", dtype="auto")
    return placed


def _beside(run: Workspace) -> RepeatedRun:
    """The first folder ``RUN-again``, ``RUN-again-2`` … that is free, or that an earlier start has not finished; of a
    run within a study, beside the study."""
    here = run.path if run.path.name not in ("", "..") else run.path.resolve()
    study = Workspace(run.path.resolve().parent.parent)
    if is_run(study.path) and any(trial.path == run.path.resolve() for trial in study.trials()):
        here = study.path.with_name(f"{study.path.name}-{here.name}")
    names = (f"{here.name}-again{f'-{number}' if number > 1 else ''}" for number in itertools.count(1))
    return next(again for again in (RepeatedRun(here.with_name(name)) for name in names) if _may_hold(again, run))


def _may_hold(again: RepeatedRun, run: Workspace) -> bool:
    return again.is_empty or (_repeats(again, run) and not again.has_reproduction)


def _repeats(again: Workspace, run: Workspace) -> bool:
    """Whether an earlier start has begun this reproduction."""
    return again.reproduces == str(run.path.resolve())


def _compared(first: Workspace, again: Workspace, result: TuneResult) -> Reproduction:
    runs, results = (first, again), (result, again.tune_result())
    answers = tuple(answers_again(runs, results))
    then, now = (each.forgetting.gate if each.forgetting else None for each in results)
    made = Reproduction(
        schema_version=SCHEMA_VERSION,
        path=str(again),
        of=str(first),
        outcome="differs",
        weights=weights_again(first.weights, again.weights),
        loss=loss_again(*(each.training for each in results)),
        answers=answers,
        scores=tuple(scores_again(results)),
        verdicts=tuple(verdicts_again(results)),
        gate=(then, now),
        changed=changed_between(*(each.manifest for each in results)),
        notes=(),
    )
    return replace(made, outcome=_outcome(made))


def _outcome(made: Reproduction) -> Outcome:
    if made.same < made.items or not made.same_scores or not made.same_verdicts:
        return "differs"
    return "same bytes" if made.weights.same_bytes and all(each.same_bytes for each in made.answers) else "same answers"
