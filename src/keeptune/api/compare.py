"""`keeptune.compare`: several methods on one task, over seeds: which gains most, and which forgets least."""

from __future__ import annotations

from collections.abc import Sequence

from keeptune.config.schema import TuneConfig
from keeptune.events import Observer, shown
from keeptune.experiments.method_study import run_method_study
from keeptune.experiments.trials import Executor, run_in_turn
from keeptune.records import MethodComparison
from keeptune.report.progress import shows_progress


@shows_progress
def compare(
    config: TuneConfig,
    methods: Sequence[str],
    seeds: Sequence[int] = (0, 1, 2),
    observer: Observer = shown,
    execute: Executor = run_in_turn,
) -> MethodComparison:
    """Train by every method under every seed, and compare what came out.

    Each trial is a run of `tune` in a folder of its own under ``trials`` of `config.output`. Finished ones are not run
    again, unfinished ones go on, failed ones are told of and tried again by the next call: more methods or seeds may be
    added later.

    Args:
        config: what all trials share; its method and seed are put aside, and its output is the study's folder.
        methods: specifications as `mitigation.spec` reads them: ``full``, ``full+replay=0.05`` …
        execute: where trials run; one after another in this process if not said otherwise.

    Raises:
        ConfigError: a method or seed that cannot be, told before any training. TrainingError: no trial finished.
        KeeptuneError: see the tree in `keeptune.errors`.
    """
    return run_method_study(config, methods, seeds, observer, execute)
