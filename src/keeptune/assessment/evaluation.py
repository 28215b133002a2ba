"""Scoring one model on one set of items."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from keeptune.abilities.evaluable import refuse_not_evaluable
from keeptune.config.schema import DataConfig, EvaluationConfig, ModelConfig
from keeptune.data.duplicates import drop_repeats
from keeptune.data.encode import Encoder
from keeptune.data.few_shot import fewer_shown, with_shots
from keeptune.data.split import limit_examples
from keeptune.data.task_metrics import choose
from keeptune.data.task_rows import labelled, load_told
from keeptune.errors import ConfigError
from keeptune.events import Notice, NoticeLog, Observer, RunStarted
from keeptune.inference.answers import corpus_scores
from keeptune.inference.encoding import make_encoder, new_tokens
from keeptune.inference.evaluator import Evaluator
from keeptune.inference.task_format import as_trained
from keeptune.models.computing import model_facts
from keeptune.records import SCHEMA_VERSION, EvalResult, Example
from keeptune.workspace.lineage import of_run
from keeptune.workspace.manifest import make_manifest
from keeptune.workspace.open_run import goes_on, open_run


def run_evaluation(
    model: ModelConfig, data: DataConfig, evaluation: EvaluationConfig, output: str, observer: Observer
) -> EvalResult:
    """Score `model` on the items of `data.test`, and write one record per item.

    Raises:
        KeeptuneError: see the tree in `keeptune.errors`.
    """
    if data.test is None:
        raise ConfigError("no items to score", "give --test FILE")
    observer = NoticeLog(observer)
    named, model = model, of_run(model)
    data = as_trained(model, data, observer)
    settings = {"model": model, "data": data, "evaluation": evaluation}
    with open_run(output, f"eval-{Path(named.name).name}", resume=goes_on(output, settings)) as run:
        observer(RunStarted(str(run)))
        refuse_not_evaluable(model, evaluation, data=data)
        encoder = make_encoder(model, data)
        loaded_data = load_told(str(data.test), data, "test", observer)
        pool = items = labelled((), loaded_data.examples, data, observer).test
        if data.limit_test is not None:
            items = limit_examples(items, data.limit_test, seed=0)
        metrics = choose(evaluation, items, pool)
        observer(Notice("metric", f"{metrics.primary.name}: {metrics.reason}"))
        room = new_tokens(evaluation, encoder, items)
        asked = _with_shots(items, data, evaluation.few_shot, encoder, room, observer) if evaluation.few_shot else items
        run.write_settings(settings)
        evaluator = Evaluator(encoder, metrics, room, evaluation.token_budget, observer)
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
            notices=tuple(observer.messages),
            manifest=make_manifest(
                model_facts(model.name, loaded),
                test_hash=loaded_data.sha256,
                seconds={"evaluate": time.monotonic() - began},
            ),
        )
        run.write_result(result)
    return result


def _with_shots(
    items: Sequence[Example], data: DataConfig, wanted: int, encoder: Encoder, room: int, observer: Observer
) -> Sequence[Example]:
    """`items`, each with train rows as examples before it; no item is an example."""
    if data.train is None:
        raise ConfigError("few-shot prompts need train rows to show", "give --train FILE")
    rows, _ = drop_repeats(load_told(data.train, data, "train", observer).examples, items)
    if len(rows) < wanted:
        told = f"{len(rows)} train rows are not among the items, and {wanted} are to be shown"
        raise ConfigError(told, "give more train rows, or a smaller --few-shot")
    found = with_shots(items, rows, wanted, 0, encoder, room)
    if found.shots < wanted:
        observer(Notice("few-shot", fewer_shown(found.shots, wanted, len(rows))))
    return found.examples
