"""`keeptune.evaluate`: one model, adapter or run, scored on one set of items."""

from __future__ import annotations

import time
from pathlib import Path

from keeptune.abilities.preflight import refuse_not_evaluable
from keeptune.config.schema import DataConfig, EvaluationConfig, ModelConfig
from keeptune.data.duplicates import drop_repeats
from keeptune.data.few_shot import fewer_shown, with_shots
from keeptune.data.split import limit_examples
from keeptune.data.task_metrics import choose
from keeptune.data.task_rows import labelled, load_told
from keeptune.errors import ConfigError
from keeptune.events import Event, Notice, Observer, RunStarted, shown
from keeptune.inference.encoding import make_encoder, new_tokens
from keeptune.inference.evaluator import Evaluator
from keeptune.inference.run import corpus_scores
from keeptune.records import SCHEMA_VERSION, EvalResult
from keeptune.report.progress import shows_progress
from keeptune.training.task_format import as_trained
from keeptune.workspace.lineage import of_run
from keeptune.workspace.manifest import ModelFacts, make_manifest
from keeptune.workspace.runs import goes_on, open_run


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
    evaluation = evaluation or EvaluationConfig()
    if data.test is None:
        raise ConfigError("no items to score", "give --test FILE")
    notices: list[str] = []

    def told(event: Event, /) -> None:
        if isinstance(event, Notice):
            notices.append(event.message)
        observer(event)

    called = Path(model.name).name
    model = of_run(model)
    data = as_trained(model, data, told)
    settings = {"model": model, "data": data, "evaluation": evaluation}
    with open_run(output, f"eval-{called}", resume=goes_on(output, settings)) as run:
        told(RunStarted(str(run)))
        refuse_not_evaluable(model, evaluation)
        encoder = make_encoder(model, data)
        loaded_data = load_told(str(data.test), data, "test", told)
        pool = items = labelled((), loaded_data.examples, data, told).test
        if data.limit_test is not None:
            items = limit_examples(items, data.limit_test, seed=0)
        metrics = choose(evaluation, items, pool)
        told(Notice("metric", f"{metrics.primary.name}: {metrics.reason}"))
        asked = list(items)
        if evaluation.few_shot:
            if data.train is None:
                raise ConfigError("few-shot prompts need train rows to show", "give --train FILE")
            shown, _ = drop_repeats(load_told(data.train, data, "train", told).examples, items)
            if len(shown) < evaluation.few_shot:
                told_of = f"{len(shown)} train rows are not among the items, and {evaluation.few_shot} are to be shown"
                raise ConfigError(told_of, "give more train rows, or a smaller --few-shot")
            found = with_shots(items, shown, evaluation.few_shot, 0, encoder, new_tokens(evaluation, encoder, items))
            if found.shots < evaluation.few_shot:
                told(Notice("few-shot", fewer_shown(found.shots, evaluation.few_shot, len(shown))))
            asked = found.examples
        run.write_settings(settings)
        evaluator = Evaluator(encoder, metrics, new_tokens(evaluation, encoder, items), evaluation.token_budget, told)
        began = time.monotonic()
        loaded = evaluator.load(model)
        records = evaluator.evaluate(loaded, items, asked, "model", cache=loaded.found.adapter is None)
        samples = run.write_samples("model", records)
        result = EvalResult(
            schema_version=SCHEMA_VERSION,
            path=str(run),
            model=model.name,
            primary_metric=metrics.primary.name,
            metric_reason=metrics.reason,
            items=len(records),
            scores=corpus_scores(records, metrics.metrics),
            records_path=str(samples),
            notices=tuple(notices),
            manifest=make_manifest(
                ModelFacts(model.name, loaded.hash, str(loaded.placement.device), loaded.placement.dtype_name),
                test_hash=loaded_data.sha256,
                seconds={"evaluate": time.monotonic() - began},
            ),
        )
        run.write_result(result)
    return result
