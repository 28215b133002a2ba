"""`keeptune.demo`: the built-in model on the built-in task."""

from __future__ import annotations

import dataclasses

from keeptune.config.schema import TuneConfig
from keeptune.data.task_rows import EMBEDDED
from keeptune.events import Observer, shown
from keeptune.experiments.tuning import run_tuning
from keeptune.models.find import BUILT_IN
from keeptune.records import TuneResult
from keeptune.report.progress import shows_progress

LIMIT_TRAIN, LIMIT_TEST = 500, 120
EPOCHS = 1.5
FEW_SHOT = 3
METRICS = ("rouge1", "rouge2", "rougeL")
ABILITIES = ("facts", "word_meaning", "grammar")
"""What else is asked before and after, a quick look."""
MAX_NEW_TOKENS = 48
"""A summary is one sentence; an untrained model that goes on for long is cut off here."""


def demo_config(config: TuneConfig | None = None) -> TuneConfig:
    """The settings of the demo; what `config` says of limits, epochs, seed, device, output and abilities is kept."""
    config = config or TuneConfig()
    data, training, evaluation = config.data, config.training, config.evaluation
    return dataclasses.replace(
        config,
        model=dataclasses.replace(config.model, name=BUILT_IN),
        data=dataclasses.replace(
            data,
            train=EMBEDDED,
            test=None,
            limit_train=data.limit_train or LIMIT_TRAIN,
            limit_test=data.limit_test or LIMIT_TEST,
        ),
        training=dataclasses.replace(training, epochs=EPOCHS if training.epochs is None else training.epochs),
        evaluation=dataclasses.replace(
            evaluation,
            metrics=evaluation.metrics or METRICS,
            few_shot=evaluation.few_shot or FEW_SHOT,
            max_new_tokens=evaluation.max_new_tokens or MAX_NEW_TOKENS,
        ),
        measure=dataclasses.replace(config.measure, abilities=config.measure.abilities or ABILITIES),
    )


@shows_progress
def demo(config: TuneConfig | None = None, observer: Observer = shown) -> TuneResult:
    """Tune and score on functions of the standard library.

    Raises:
        MissingDependency: the package of the built-in model is not installed. Else as `tune`.
    """
    return run_tuning(demo_config(config), observer)
