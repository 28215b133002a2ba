"""`keeptune.evaluate`: one model, adapter or run, scored on one set of items."""

from __future__ import annotations

from keeptune.assessment.evaluation import run_evaluation
from keeptune.config.schema import DataConfig, EvaluationConfig, ModelConfig
from keeptune.events import Observer, shown
from keeptune.records import EvalResult
from keeptune.report.progress import shows_progress


@shows_progress
def evaluate(
    model: ModelConfig,
    data: DataConfig,
    evaluation: EvaluationConfig | None = None,
    output: str = "",
    observer: Observer = shown,
) -> EvalResult:
    """Ask `model` the items of `data.test`, score the answers, and leave one record an item on disk.

    Raises:
        KeeptuneError: see the tree in `keeptune.errors`.
    """
    return run_evaluation(model, data, evaluation or EvaluationConfig(), output, observer)
