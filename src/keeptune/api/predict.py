"""`keeptune.predict`: a file of prompts in, a file of answers out."""

from __future__ import annotations

from pathlib import Path

from keeptune.api.ask import load_for_asking, tell_model
from keeptune.api.evaluate import of_run
from keeptune.api.prepare import NEW_TOKENS, make_encoder
from keeptune.api.task_format import as_trained
from keeptune.config.schema import DataConfig, EvaluationConfig, ModelConfig
from keeptune.data.prompts import load_prompts
from keeptune.data.split import limit_examples
from keeptune.errors import ConfigError, StoreError
from keeptune.evaluation.generate import fitting_prompts, generate
from keeptune.events import EvaluationProgress, EvaluationStarted, Observer, silent
from keeptune.store.atomic import write_jsonl


def predict(
    model: ModelConfig,
    data: DataConfig,
    evaluation: EvaluationConfig | None = None,
    output: str = "predictions.jsonl",
    observer: Observer = silent,
) -> int:
    """Answer every row of `data.test`; write ``{"id", "prompt", "output", "finish"}`` a line; return how many.

    Raises:
        StoreError: `output` exists already. Else see the tree in `keeptune.errors`.
    """
    evaluation = evaluation or EvaluationConfig()
    if data.test is None:
        raise ConfigError("no prompts to answer", "give the file of prompts")
    target = Path(output).expanduser()
    if target.exists():
        raise StoreError(f"{target} exists already", "name another --output; results are never overwritten")
    model = of_run(model)
    data = as_trained(model, data, observer)
    encoder = make_encoder(model, data)
    examples = load_prompts(str(data.test), data)
    if data.limit_test is not None:
        examples = limit_examples(examples, data.limit_test, seed=0)
    loaded = load_for_asking(model)
    tell_model(loaded, observer)
    observer(EvaluationStarted("predict", len(examples)))
    room = evaluation.max_new_tokens or NEW_TOKENS[1]
    answers = generate(
        loaded,
        fitting_prompts(loaded, encoder, examples, room, observer),
        room,
        evaluation.token_budget,
        lambda done: observer(EvaluationProgress("predict", done, len(examples))),
        observer,
    )
    write_jsonl(
        target,
        [
            {"id": example.id, "prompt": example.prompt_text, "output": answer.text, "finish": answer.finish}
            for example, answer in zip(examples, answers, strict=True)
        ],
    )
    return len(answers)
