"""What a run and its reproduction gave, side by side: answers, scores, verdicts and the loss on the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from keeptune.forgetting.same_answer import same_answer
from keeptune.records import (
    AbilityReport,
    AnswersAgain,
    EvalRecord,
    ScoreAgain,
    TrainingSummary,
    TuneResult,
    VerdictAgain,
)
from keeptune.workspace.workspace import Workspace

MODELS = ("base", "tuned")


def answers_again(runs: Sequence[Workspace], results: Sequence[TuneResult]) -> list[AnswersAgain]:
    """Of both models: to the task's items, then to those of each ability that both runs measured.

    Args:
        runs, results: of the first run and of its reproduction.

    Raises:
        StoreError: records that cannot be read.
    """
    metric = results[0].primary_metric
    found = [_answers("task", model, [run.samples(model) for run in runs], metric) for model in MODELS]
    for then, _ in _abilities(results):
        for model in MODELS:
            records = [run.ability_records(then.name, model) for run in runs]
            found.append(_answers(then.name, model, records, then.metric))
    return found


def scores_again(results: Sequence[TuneResult]) -> list[ScoreAgain]:
    """Of the tuned model: on the task by each metric, the primary one first, then on each ability."""
    then, now = (result.scores.get("tuned", {}) for result in results)
    metrics = sorted(then, key=lambda metric: metric != results[0].primary_metric)
    return [
        *(ScoreAgain("task", metric, then[metric], now.get(metric)) for metric in metrics),
        *(ScoreAgain(before.name, before.metric, before.tuned, after.tuned) for before, after in _abilities(results)),
    ]


def verdicts_again(results: Sequence[TuneResult]) -> list[VerdictAgain]:
    """On each ability that either run measured."""
    then, now = map(_by_name, results)
    verdicts = [{name: report.verdict for name, report in of_run.items()} for of_run in (then, now)]
    return [VerdictAgain(name, *(of_run.get(name) for of_run in verdicts)) for name in dict.fromkeys([*then, *now])]


def loss_again(then: TrainingSummary, now: TrainingSummary) -> float | None:
    """The largest difference of a step's loss; None where the steps are not the same."""
    curves = then.loss_curve, now.loss_curve
    if [step for step, _ in curves[0]] != [step for step, _ in curves[1]]:
        return None
    return max((abs(after - before) for (_, before), (_, after) in zip(*curves, strict=True)), default=0.0)


def _abilities(results: Sequence[TuneResult]) -> Iterator[tuple[AbilityReport, AbilityReport]]:
    then, now = map(_by_name, results)
    return ((report, now[name]) for name, report in then.items() if name in now)


def _by_name(result: TuneResult) -> dict[str, AbilityReport]:
    return {report.name: report for report in result.forgetting.abilities} if result.forgetting else {}


def _answers(what: str, model: str, records: Sequence[Sequence[EvalRecord]], metric: str) -> AnswersAgain:
    then, now = ({record.item_id: record for record in each} for each in records)
    both = [(then[item], now[item]) for item in then if item in now]
    same = sum(b.answer.finish == a.answer.finish and same_answer(b, a, metric) for b, a in both)
    return AnswersAgain(what, model, len(then.keys() | now.keys()), same, list(records[0]) == list(records[1]))
