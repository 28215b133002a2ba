"""`keeptune.curve`: how many examples are enough: gain and forgetting by their number, and what more would bring."""

from __future__ import annotations

from collections.abc import Sequence

from keeptune.config.schema import TuneConfig
from keeptune.events import Observer, shown
from keeptune.experiments.size_study import DRAWS, run_size_study
from keeptune.experiments.trials import Executor, run_in_turn
from keeptune.records import LearningCurve
from keeptune.report.progress import shows_progress


@shows_progress
def curve(
    config: TuneConfig,
    sizes: Sequence[int] | None = None,
    draws: int = DRAWS,
    observer: Observer = shown,
    execute: Executor = run_in_turn,
) -> LearningCurve:
    """Train on nested parts of train, and tell what came of each and what more rows would bring.

    Each trial is a run of `tune` in a folder of its own, ``trials/n<size>-d<draw>`` below `config.output`. Called
    again with the same settings, only what is not finished is run; sizes and draws may be added.

    Args:
        config: what all trials share. A draw is a seeded order of the rows, of which a size takes the first, and a
            seed of its own for training.
        sizes: numbers of rows, the validation slice among them, rising; 0 is the base itself. If not said otherwise,
            0, 50, 100, 250, 500 and 1000, as far as train can fill them.
        execute: where trials run; one after another in this process if not said otherwise.

    Raises:
        ConfigError: sizes or settings that cannot be, told before any training. TrainingError: no trial finished.
        KeeptuneError: see the tree in `keeptune.errors`.
    """
    return run_size_study(config, sizes, draws, observer, execute)
