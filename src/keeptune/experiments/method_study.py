"""A comparison of methods: trials by method and seed, planned, run and compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from keeptune.config.affects import Affects
from keeptune.config.schema import Adapter, TuneConfig
from keeptune.data.task_metrics import choose
from keeptune.data.task_rows import load_rows
from keeptune.errors import ConfigError, RunExists, StoreError
from keeptune.events import Notice, Observer, RunStarted, silent
from keeptune.experiments.compare import Compared, compare_trials
from keeptune.experiments.study import StudyTrials, plain_settings, run_trials
from keeptune.experiments.trials import Executor, Trial
from keeptune.inference.encoding import make_encoder
from keeptune.mitigation.default import without_default_mitigation
from keeptune.mitigation.fit import unfit
from keeptune.mitigation.spec import parse, refuse_overridden
from keeptune.near_paths import expanded
from keeptune.records import (
    SCHEMA_VERSION,
    MethodComparison,
    TrialRow,
    Undefined,
)
from keeptune.report.html.compare_page import write_compare_html
from keeptune.training.preflight import preflight
from keeptune.training.replay_data import check_replayed
from keeptune.training.resume import open_in, refuse_other_settings
from keeptune.workspace.lineage import of_run
from keeptune.workspace.open_run import locked_folder
from keeptune.workspace.path_part import path_part
from keeptune.workspace.study import Study


def run_method_study(
    config: TuneConfig, methods: Sequence[str], seeds: Sequence[int], observer: Observer, execute: Executor
) -> MethodComparison:
    """Train by every method under every seed, and compare what came out.

    Raises:
        ConfigError: a method or seed that cannot be, told before any training. TrainingError: no trial finished.
        KeeptuneError: see the tree in `keeptune.errors`.
    """
    trials = plan(config, methods, seeds, observer)
    with _begun(Study(expanded(config.output))) as study:
        observer(RunStarted(str(study)))
        for trial in {trial.method: trial for trial in trials}.values():
            preflight(trial.config)
        _check_rows(config)
        for trial in trials:
            if trial.run.has_settings:
                refuse_other_settings(trial.config, trial.run, open_in(trial.run), also={Affects.ANSWERS})
        run = run_trials(trials, observer, execute)
        compared = compare_trials(run.finished)
        if isinstance(compared, Undefined):
            raise StoreError(f"the trials cannot be compared: {compared.reason}", "look at a trial's result.json")
        report = _report(config, study, run, compared)
        write_compare_html(report, study.comparison_page)
        study.write_comparison(report)
    return report


def plan(config: TuneConfig, methods: Sequence[str], seeds: Sequence[int], observer: Observer = silent) -> list[Trial]:
    """Every trial, seed by seed, so that each method has a first result early.

    Raises:
        ConfigError: no folder, no method, no seed; an unknown method; two that are the same.
    """
    if not config.output:
        raise ConfigError("a comparison needs a folder in which it can resume", "name it with --output")
    if not methods or not seeds:
        raise ConfigError("nothing to compare", "give --methods full,lora,… and --seeds 0,1,2")
    if config.mitigation_search.auto:
        raise ConfigError(
            "a comparison trains each method as given, but auto runs a mitigation search", "leave auto out"
        )
    if len(set(seeds)) < len(seeds):
        raise ConfigError(f"a seed is named twice in {', '.join(map(str, seeds))}", "name each seed once")
    settled: dict[str, TuneConfig] = {}
    bare = without_default_mitigation(config)
    for spec in map(parse, methods):
        method = str(spec)
        if not spec.parts or spec.routed:
            raise ConfigError(f"{method} is not a training method", "name full, lora, or a mitigation")
        refuse_overridden(spec, bare)
        # A method names all that it does against forgetting.
        changed = spec.apply(replace(bare, mitigation=replace(bare.mitigation, plain=True)))
        same = next((other for other, its in settled.items() if its == changed), None)
        if same is not None:
            raise ConfigError(f"the methods {same} and {method} are the same settings", "leave one of them out")
        settled[method] = changed
        if error := unfit(changed):
            raise error
    settled = _with_rate(config, settled, observer)
    study = Study(expanded(config.output))
    return [
        Trial(
            method,
            seed,
            replace(
                changed,
                training=replace(changed.training, seed=seed),
                output=str(study.trial(f"{path_part(method)}-s{seed}")),
                resume=False,
            ),
        )
        for seed in seeds
        for method, changed in settled.items()
    ]


def _with_rate(config: TuneConfig, settled: Mapping[str, TuneConfig], observer: Observer) -> dict[str, TuneConfig]:
    """A learning rate that was given is for all methods where they are of one kind, and else for those of the kind
    that `config` names: full tuning's and an adapter's differ by ten times."""
    lr = config.training.lr
    without = [method for method, changed in settled.items() if changed.training.lr != lr]
    if len(without) == len(settled):
        return {m: replace(changed, training=replace(changed.training, lr=lr)) for m, changed in settled.items()}
    if without:
        kind = "adapters" if isinstance(config.method, Adapter) else "full tuning"
        observer(Notice("lr", f"lr {lr:g} is for {kind}: {', '.join(without)} by the default"))
    return dict(settled)


def _check_rows(config: TuneConfig) -> None:
    """What would stop every trial stops before the first: rows, tokenizer and metrics."""
    make_encoder(of_run(config.model), config.data, config.method)
    rows = load_rows(config, silent)
    choose(config.evaluation, rows.test, rows.pool)
    check_replayed(config)


@contextmanager
def _begun(study: Study) -> Iterator[Study]:
    """The folder, made or taken up again, locked against other processes while the block runs."""
    if study.path.is_file():
        raise StoreError(f"{study} is a file, not a folder", "name another --output")
    if not study.is_empty and (study.has_settings or not study.is_study):
        raise RunExists(f"{study} holds something other than a comparison", "name an empty or new folder with --output")
    with locked_folder(study.path, fresh=study.is_empty):
        study.begin_study()
        yield study


def _report(config: TuneConfig, study: Study, run: StudyTrials, compared: Compared) -> MethodComparison:
    order = list(dict.fromkeys(trial.method for trial in run.trials))
    return MethodComparison(
        schema_version=SCHEMA_VERSION,
        path=str(study),
        metric=compared.task.metric.name,
        higher_is_better=compared.task.metric.higher_is_better,
        base=compared.task.base,
        forgetting_of=compared.forgetting_of,
        forgetting_metric=compared.forgetting_metric,
        methods=tuple(sorted(compared.methods, key=lambda row: order.index(row.method))),
        pairs=compared.pairs,
        trials=_trial_rows(run, compared),
        sentences=compared.sentences,
        advice=compared.advice,
        notices=compared.notices,
        config=plain_settings(config),
        manifest=run.manifest(run.trials[0].seed),
    )


def _trial_rows(run: StudyTrials, compared: Compared) -> tuple[TrialRow, ...]:
    results = {(each.method, each.seed): each.result for each in run.finished}
    rows = []
    for trial in run.trials:
        result = results.get((trial.method, trial.seed))
        gain = None if result is None else compared.task.of_seed(trial.method, trial.seed)
        minutes = None if result is None else result.training.seconds / 60.0
        rows.append(TrialRow(trial.method, trial.seed, str(trial.run), gain, minutes, run.errors.get(trial, "")))
    return tuple(rows)
