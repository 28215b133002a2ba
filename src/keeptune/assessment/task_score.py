"""The scoring part of `tune`: base, tuned and baselines on the same items."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass

from keeptune.data.few_shot import fewer_shown, with_shots
from keeptune.events import Notice
from keeptune.inference.answers import score_answers
from keeptune.inference.encoding import new_tokens
from keeptune.inference.evaluator import Evaluator
from keeptune.models.computing import model_facts
from keeptune.records import Answer, EvalRecord, Example
from keeptune.scoring.baselines import baseline_outputs
from keeptune.training.session import Session
from keeptune.workspace.manifest import ModelFacts


@dataclass(frozen=True, slots=True)
class Scored:
    """Records by name: ``base``, ``tuned``, and each baseline."""

    records: dict[str, list[EvalRecord]]
    base: ModelFacts


def score(session: Session) -> Scored:
    """Evaluate both models, each reloaded from disk: the bare base, and the tuned model as the user gets it."""
    config, rows, metrics = session.config, session.rows, session.metrics
    evaluator = task_evaluator(session)
    with session.timed("evaluate_base"):
        base = evaluator.load(config.model)
        records = {"base": evaluator.evaluate(base, rows.test, rows.test, "base", cache=True)}
        for name, shown in _few_shot(session, evaluator.max_new_tokens).items():
            records[name] = evaluator.evaluate(base, rows.test, shown, name, cache=True)
        facts = model_facts(config.model.name, base)
        del base
        gc.collect()
    with session.timed("evaluate_tuned"):
        tuned = evaluator.load(session.tuned_model)
        records["tuned"] = evaluator.evaluate(tuned, rows.test, rows.test, "tuned", cache=False)
    for name, outputs in baseline_outputs(rows.train, rows.test).items():
        answers = [Answer(e.id, text, "stop") for e, text in zip(rows.test, outputs, strict=True)]
        records[name] = score_answers(rows.test, answers, metrics.metrics)
    return Scored(records, facts)


def task_evaluator(session: Session) -> Evaluator:
    """How models are asked the task's test items."""
    config = session.config.evaluation
    room = new_tokens(config, session.encoder, session.rows.train)
    return Evaluator(session.encoder, session.metrics, room, config.token_budget, session.observer)


def _few_shot(session: Session, room: int) -> dict[str, Sequence[Example]]:
    """Name of the few-shot baseline → test rows with examples before them. Empty if it is off or does not fit."""
    wanted, rows = session.config.evaluation.few_shot, session.rows
    if not wanted:
        return {}
    shown = with_shots(rows.test, rows.train, wanted, 0, session.encoder, room)
    if shown.shots < wanted:
        session.observer(Notice("few-shot", fewer_shown(shown.shots, wanted, len(rows.train))))
    return {f"few-shot-{shown.shots}": shown.examples} if shown.shots else {}
