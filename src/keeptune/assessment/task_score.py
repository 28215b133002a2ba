"""The scoring part of `tune`: base, tuned and baselines on the same items."""

from __future__ import annotations

import dataclasses
import gc
import time
from dataclasses import dataclass
from pathlib import Path

from keeptune.config.schema import TuneConfig
from keeptune.data.encode import Encoder
from keeptune.data.few_shot import fewer_shown, with_shots
from keeptune.data.task_metrics import Metrics
from keeptune.data.task_rows import Rows
from keeptune.events import Notice, Observer
from keeptune.export.save import saved_tuned
from keeptune.inference.encoding import new_tokens
from keeptune.inference.evaluator import Evaluator
from keeptune.inference.run import score_answers
from keeptune.records import Answer, EvalRecord
from keeptune.scoring.baselines import baseline_outputs


@dataclass(frozen=True, slots=True)
class Scored:
    """Records by name: ``base``, ``tuned``, and each baseline; and what the base was."""

    records: dict[str, list[EvalRecord]]
    model_hash: str
    device: str
    dtype: str


def score(
    config: TuneConfig,
    run: Path,
    rows: Rows,
    encoder: Encoder,
    metrics: Metrics,
    observer: Observer,
    seconds: dict[str, float],
) -> Scored:
    """Ask both models, each loaded from disk anew: the base is bare, and the tuned is what the user gets."""
    evaluation = config.evaluation
    room = new_tokens(evaluation, encoder, rows.train)
    evaluator = Evaluator(encoder, metrics, room, evaluation.token_budget, observer)
    began = time.monotonic()
    base = evaluator.load(config.model)
    records = {"base": evaluator.evaluate(base, rows.test, rows.test, "base", cache=True)}
    if evaluation.few_shot:
        shown = with_shots(rows.test, rows.train, evaluation.few_shot, 0, encoder, room)
        if shown.shots < evaluation.few_shot:
            observer(Notice("few-shot", fewer_shown(shown.shots, evaluation.few_shot, len(rows.train))))
        if shown.shots:
            name = f"few-shot-{shown.shots}"
            records[name] = evaluator.evaluate(base, rows.test, shown.examples, name, cache=True)
    place, model_hash = base.placement, base.hash
    del base
    gc.collect()
    seconds["evaluate_base"] = time.monotonic() - began
    began = time.monotonic()
    tuned = evaluator.load(dataclasses.replace(config.model, name=str(saved_tuned(run)), revision=None))
    records["tuned"] = evaluator.evaluate(tuned, rows.test, rows.test, "tuned", cache=False)
    seconds["evaluate_tuned"] = time.monotonic() - began
    for name, outputs in baseline_outputs(rows.train, rows.test).items():
        answers = [Answer(e.id, text, "stop") for e, text in zip(rows.test, outputs, strict=True)]
        records[name] = score_answers(rows.test, answers, metrics.metrics)
    return Scored(records, model_hash, str(place.device), place.dtype_name)
