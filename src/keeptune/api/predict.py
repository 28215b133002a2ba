"""`keeptune.predict`: a model's answers to a file of prompts."""

from __future__ import annotations

from keeptune.abilities.evaluable import refuse_not_evaluable
from keeptune.config.schema import DataConfig, EvaluationConfig, ModelConfig
from keeptune.events import Observer, shown
from keeptune.inference.prediction import answer_file
from keeptune.inference.prediction import unfinished as unfinished
from keeptune.report.progress import shows_progress
from keeptune.workspace.lineage import of_run


@shows_progress
def predict(
    model: ModelConfig,
    data: DataConfig,
    evaluation: EvaluationConfig | None = None,
    output: str = "predictions.jsonl",
    observer: Observer = shown,
) -> int:
    """Answer every row of `data.test`; write its id, prompt, output and finish to `output`; return how many.

    Answers are kept in ``<output>.part`` as they come. The same call goes on there after a stop.

    Args:
        output: its suffix is its format: ``.jsonl``, ``.json``, ``.csv`` or ``.tsv``.

    Raises:
        StoreError: `output` exists already, or was begun with another model or other rows. RunLocked: another process
            writes it. Else see the tree in `keeptune.errors`.
    """
    model, evaluation = of_run(model), evaluation or EvaluationConfig()
    refuse_not_evaluable(model, evaluation, data=data)
    return answer_file(model, data, evaluation, output, observer)
