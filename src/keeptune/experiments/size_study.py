"""A learning curve: trials by number of rows and draw, planned, run and fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from operator import index

from keeptune.config.affects import Affects
from keeptune.config.schema import TuneConfig
from keeptune.data.task_metrics import choose
from keeptune.data.task_rows import EMBEDDED, EMBEDDED_POOL, load_rows
from keeptune.errors import ConfigError, RunExists, StoreError
from keeptune.events import Observer, RunStarted, silent
from keeptune.experiments.learning_curve import Learned, check_sizes, learn, method_of
from keeptune.experiments.study import plain_settings, run_trials
from keeptune.experiments.trials import Executor, Trial
from keeptune.inference.encoding import make_encoder, new_tokens
from keeptune.near_paths import expanded
from keeptune.records import (
    SCHEMA_VERSION,
    CurveTrial,
    LearningCurve,
    RunManifest,
    Undefined,
)
from keeptune.report.html.curve_page import write_curve_html
from keeptune.training.preflight import preflight
from keeptune.training.resume import refuse_other_settings
from keeptune.workspace.lineage import of_run
from keeptune.workspace.open_run import open_run
from keeptune.workspace.study import Study
from keeptune.workspace.task_name import task_name
from keeptune.workspace.workspace import Workspace

SIZES = (0, 50, 100, 250, 500, 1000)
DRAWS = 3


def run_size_study(
    config: TuneConfig, sizes: Sequence[int] | None, draws: int, observer: Observer, execute: Executor
) -> LearningCurve:
    """Train on nested parts of train, and tell what came of each and what more rows would bring.

    Raises:
        ConfigError: sizes or settings that cannot be, told before any training. TrainingError: no trial finished.
        KeeptuneError: see the tree in `keeptune.errors`.
    """
    sizes = None if sizes is None else _whole(sizes)
    started = bool(config.output) and Workspace(expanded(config.output)).has_settings
    with open_run(config.output, f"curve-{task_name(config.data.train, config.data.test)}", resume=started) as run:
        study = Study(run.path)
        observer(RunStarted(str(study)))
        config, sizes = _settled(config, sizes)
        check_sizes(sizes, draws)
        _begin(config, study, started=started)
        trials = {(size, draw): _trial(config, study, size, draw) for draw in range(draws) for size in sizes if size}
        ran = run_trials(list(trials.values()), observer, execute)
        learned = learn(ran.finished, sizes, draws)
        if isinstance(learned, Undefined):
            raise StoreError(f"the trials do not give a curve: {learned.reason}", "look at a trial's result.json")
        rows = tuple(
            CurveTrial(
                size=size,
                draw=draw,
                path=str(trial.run),
                gain=learned.task.of_seed(trial.method, draw) if trial.finished else None,
                error=ran.errors.get(trial, ""),
            )
            for (size, draw), trial in sorted(trials.items())
        )
        report = _report(config, study, learned, rows, ran.manifest(config.training.seed))
        write_curve_html(report, study.curve_page)
        study.write_curve(report)
    return report


def _whole(sizes: Sequence[int]) -> list[int]:
    try:
        return [index(size) for size in sizes]
    except TypeError:
        raise ConfigError(
            f"the sizes are {sizes!r}, not whole numbers of rows", "give a list of them, as in [0, 50, 100, 250, 500]"
        ) from None


def _settled(config: TuneConfig, sizes: Sequence[int] | None) -> tuple[TuneConfig, Sequence[int]]:
    """What every trial shares, so that only the rows differ; and the sizes.

    Raises:
        ConfigError: settings that the sizes take the place of; more rows asked for than there are.
        DataError: rows that cannot be used.
    """
    if config.data.limit_train is not None or config.data.draw:
        raise ConfigError("a curve sets limit_train and draw itself", "leave them out, and use --sizes and --draws")
    if config.mitigation_search.auto:
        raise ConfigError(
            "a curve cannot run a mitigation search, but mitigation_search.auto is set",
            "give the mitigation's own settings",
        )
    preflight(config)
    largest = max(sizes or (), default=0)
    # As many whatever the largest size is, so that the room for an answer is the same where sizes are added.
    limit = max(largest, EMBEDDED_POOL) if config.data.train == EMBEDDED else None
    rows = load_rows(replace(config, data=replace(config.data, limit_train=limit)), silent)
    count = len(rows.train) + len(rows.validation)
    if largest > count:
        raise ConfigError(
            f"--sizes goes to {largest}, and train has {count} rows that can be used",
            "leave out the sizes above that, or give more rows",
        )
    if sizes is None:
        sizes = [size for size in SIZES if size <= count]
    choose(config.evaluation, rows.test, rows.pool)
    measure, evaluation = config.measure, config.evaluation
    if measure.keep and not measure.abilities:
        measure = replace(measure, abilities=("none",))
    # The room for an answer goes by the train rows: all trials and the base have the same.
    room = new_tokens(evaluation, make_encoder(of_run(config.model), config.data, config.method), rows.train)
    return replace(config, measure=measure, evaluation=replace(evaluation, max_new_tokens=room), resume=False), sizes


def _begin(config: TuneConfig, study: Study, *, started: bool) -> None:
    if started and not study.is_study:
        raise RunExists(
            f"{study} holds a run that is not a learning curve", "name an empty or new folder with --output"
        )
    if started:
        refuse_other_settings(config, study, open_then=(), also={Affects.ANSWERS})
    else:
        study.write_tune_settings(config)
    study.begin_study()


def _trial(config: TuneConfig, study: Study, size: int, draw: int) -> Trial:
    """`limit_train` takes the first rows of the draw's order: fewer are a part of more."""
    training = replace(config.training, seed=config.training.seed + draw)
    data = replace(config.data, limit_train=size, draw=draw)
    output = str(study.trial(f"n{size}-d{draw}"))
    return Trial(method_of(size), draw, replace(config, data=data, training=training, output=output))


def _report(
    config: TuneConfig, study: Study, learned: Learned, trials: tuple[CurveTrial, ...], manifest: RunManifest
) -> LearningCurve:
    return LearningCurve(
        schema_version=SCHEMA_VERSION,
        path=str(study),
        metric=learned.task.metric.name,
        higher_is_better=learned.task.metric.higher_is_better,
        base=learned.task.base,
        points=learned.points,
        trials=trials,
        fitted=learned.fitted,
        misfit=learned.misfit,
        backtest=learned.backtest,
        more=learned.more,
        advice=learned.advice,
        sentences=learned.sentences,
        notices=learned.notices,
        config=plain_settings(config),
        manifest=manifest,
    )
