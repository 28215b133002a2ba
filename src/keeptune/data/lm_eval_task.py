"""A task of lm-evaluation-harness, from its samples, as an Ability with its records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from keeptune.data.formats.raw_row import RawRow
from keeptune.data.lm_eval_sample import HarnessSample, read_sample
from keeptune.errors import DataError, MetricError, PairingError, Problem
from keeptune.records import Ability, Answer, EvalRecord, Example, ItemScore, Message
from keeptune.records.ability import OutputType
from keeptune.scoring.harness_metric import HarnessMetric, harness_scores
from keeptune.scoring.table import get_metric

NATS_MARGIN = 0.05
"""The default margin of a loss."""


class HarnessTask(NamedTuple):
    """One task that one model was asked."""

    ability: Ability
    records: list[EvalRecord]


def harness_task(task: str, rows: Sequence[RawRow], results: Mapping[str, Any]) -> HarnessTask:
    """The samples of one task, every filter of a document together.

    The item's id is the task and the document's number. Its cluster is the hash of the document, so that pairing
    refuses two runs on different data, and a document that occurs twice counts once in every interval.

    Args:
        results: what the harness says of its run (``results_*.json``, or what `simple_evaluate` returned): the task's
            version, its shots, which metrics are better when lower, its own corpus scores. May be empty.

    Raises:
        DataError: a sample that cannot be read, a document twice under one filter, or not the same under each.
    """
    by_filter, problems = _by_filter(rows)
    problems += _mismatches(by_filter)
    if problems or not by_filter:
        raise DataError(
            f"the samples of {task} cannot be used" if problems else f"there are no samples of {task}",
            "repeat the log with `lm_eval --log_samples`, each run in its own folder",
            problems,
        )
    samples = list(next(iter(by_filter.values())).values())
    scores = _scores(task, by_filter, results)
    records = [
        _record(task, sample, {metric.name: column[index] for metric, column in scores.items()})
        for index, sample in enumerate(samples)
    ]
    return HarnessTask(_ability(task, records, samples[0].asked.form, list(scores), results), records)


def same_ability(base: Ability, tuned: Ability) -> Ability:
    """The ability that two models were asked, with the metrics that both were scored by; the verdict is by the first.

    Raises:
        PairingError: the two are of different versions of the task; a log that tells none is taken on trust.
        MetricError: no metric was read alike from both.
    """
    known = base.version and tuned.version
    if base.name != tuned.name or (known and base.version != tuned.version):
        raise PairingError(
            f"{base.name} is of version {base.version} before, and {tuned.name} of version {tuned.version} after",
            "run both models on the same version of the task",
        )
    metrics = tuple(name for name in base.metrics if name in tuned.metrics)
    if not metrics:
        raise MetricError(
            f"{base.name} has the metrics {', '.join(base.metrics)} before and {', '.join(tuned.metrics)} after",
            "run both models with the same task file",
        )
    return by_metrics(base, metrics)


def _by_filter(rows: Sequence[RawRow]) -> tuple[dict[str, dict[int, HarnessSample]], list[Problem]]:
    """Filter → document → sample, in the order of the log, and what could not be read."""
    found: dict[str, dict[int, HarnessSample]] = {}
    problems: list[Problem] = []
    for row in rows:
        sample = read_sample(row)
        if isinstance(sample, Problem):
            problems.append(sample)
            continue
        first = found.setdefault(sample.filter, {}).setdefault(sample.doc_id, sample)
        if first is not sample:
            message = f"document {sample.doc_id} was already on line {first.row.line}, under the filter {sample.filter}"
            problems.append(Problem(row.file, row.line, "repeated", message, "log one run per file"))
    return found, problems


def _record(task: str, sample: HarnessSample, scores: Mapping[str, ItemScore]) -> EvalRecord:
    item_id, asked = f"{task}/{sample.doc_id}", sample.asked
    answer = Answer(
        item_id,
        output=asked.output,
        reference_loglikelihood=asked.reference_loglikelihood,
        choice_loglikelihoods=asked.choice_loglikelihoods,
    )
    cluster = sample.doc_hash[:16] or item_id
    return EvalRecord(item_id, cluster, asked.prompt, asked.references, asked.choices, answer, scores)


def _mismatches(by_filter: Mapping[str, Mapping[int, HarnessSample]]) -> list[Problem]:
    """Documents that one filter lacks, or has otherwise than the first."""
    found: list[Problem] = []
    filters = list(by_filter)
    for name in filters[1:]:
        here, there = by_filter[filters[0]], by_filter[name]
        for doc_id in sorted(here.keys() | there.keys()):
            known = here.get(doc_id) or there[doc_id]
            row = there.get(doc_id, known).row
            if doc_id not in here or doc_id not in there:
                message = f"document {doc_id} is missing under the filter {name if doc_id in here else filters[0]}"
                found.append(Problem(row.file, row.line, "mismatch", message, "log one run per file"))
            elif here[doc_id].question != there[doc_id].question:
                message = f"document {doc_id} differs under the filter {filters[0]}"
                found.append(Problem(row.file, row.line, "mismatch", message, "log one run per file"))
    return found


def _scores(
    task: str, by_filter: Mapping[str, Mapping[int, HarnessSample]], results: Mapping[str, Any]
) -> dict[HarnessMetric, list[ItemScore]]:
    """Metric → its scores in the order of the first filter's documents; those that score any item come first."""
    higher = _told(results, "higher_is_better", task)
    corpus = _told(results, "results", task)
    order = list(next(iter(by_filter.values())))
    found: dict[HarnessMetric, list[ItemScore]] = {}
    for name, documents in by_filter.items():
        metrics = dict.fromkeys(metric for sample in documents.values() for metric in sample.values)
        for metric in metrics:
            of = metric if name == "none" else f"{metric},{name}"
            values = [documents[doc_id].values.get(metric) for doc_id in order]
            score = corpus.get(f"{metric},{name}")
            found.update(
                harness_scores(of, values, higher.get(metric), score if isinstance(score, (int, float)) else None)
            )
    return dict(sorted(found.items(), key=lambda item: all(score.value is None for score in item[1])))


def _told(results: Mapping[str, Any], what: str, task: str) -> Mapping[str, Any]:
    told = results.get(what, {}).get(task)
    return told if isinstance(told, Mapping) else {}


def _ability(
    task: str,
    records: Sequence[EvalRecord],
    form: OutputType,
    metrics: Sequence[HarnessMetric],
    results: Mapping[str, Any],
) -> Ability:
    if form == "generate" and (results.get("n-shot", {}).get(task) or 0) > 0:
        form = "few-shot"
    return Ability(
        name=task,
        title=task,
        source="lm-eval",
        version=str(results.get("versions", {}).get(task, "")),
        output_type=form,
        metrics=tuple(metric.name for metric in metrics),
        items=tuple(_example(record) for record in records),
        chance=_chance(records) if form == "choices" and metrics and metrics[0].of.startswith("acc") else None,
        margin=_margin(metrics[0].unit) if metrics else 5.0,
    )


def by_metrics(ability: Ability, metrics: tuple[str, ...]) -> Ability:
    """`ability` with these metrics, and the margin and the chance of the first."""
    if metrics[0] == ability.metrics[0]:
        return replace(ability, metrics=metrics)
    metric = get_metric(metrics[0])
    guessed = ability.output_type == "choices" and metric.needs == "choices"
    return replace(
        ability, metrics=metrics, margin=_margin(metric.unit), chance=_chance(ability.items) if guessed else None
    )


def _margin(unit: str) -> float:
    return NATS_MARGIN if unit == "nats" else 5.0


def _chance(records: Sequence[EvalRecord | Example]) -> float:
    """Points of one who guesses: the mean share of right choices."""
    right = [sum(choice in record.references for choice in record.choices) or 1 for record in records]
    shares = [count / len(record.choices) for count, record in zip(right, records, strict=True)]
    return 100.0 * sum(shares) / len(shares)


def _example(record: EvalRecord) -> Example:
    return Example(
        id=record.item_id,
        prompt=(Message("user", record.prompt),) if record.prompt else (),
        completion=record.references[0],
        references=record.references,
        choices=record.choices,
        group=record.cluster,
    )
