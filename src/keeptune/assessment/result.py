"""The result part of `tune`: comparisons, samples and the manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from keeptune.assessment.task_score import Scored
from keeptune.data.task_metrics import Metrics
from keeptune.forgetting.compare import compare
from keeptune.inference.answers import corpus_scores
from keeptune.records import (
    SCHEMA_VERSION,
    Comparison,
    EvalRecord,
    SideBySide,
    TrainingSummary,
    TuneResult,
)
from keeptune.training.session import Session
from keeptune.workspace.hashing import hash_value
from keeptune.workspace.manifest import make_manifest

SIDE_BY_SIDE = 5


def make_result(
    session: Session, summary: TrainingSummary, scored: Scored, trained_on: int | None = None
) -> TuneResult:
    """Everything that `result.json` holds.

    Args:
        trained_on: number of test rows that the tuned model was trained on; None if unknown.
    """
    records, metrics, rows = scored.records, session.metrics, session.rows
    scores = {name: corpus_scores(each, metrics.metrics) for name, each in records.items()}
    return TuneResult(
        schema_version=SCHEMA_VERSION,
        path=str(session.workspace),
        primary_metric=metrics.primary.name,
        metric_reason=metrics.reason,
        scores=scores,
        comparisons=tuple(replace(found, trained_on=trained_on) for found in _comparisons(metrics, records, scores)),
        samples=_side_by_side(records["base"], records["tuned"]),
        training=summary,
        alpha=session.workspace.alpha_choice(),
        notices=tuple(session.notices),
        config=session.workspace.settings(),
        manifest=make_manifest(
            scored.base,
            train_hash=rows.train_hash,
            test_hash=rows.test_hash,
            seed=session.config.training.seed,
            seconds=session.seconds,
        ),
    )


def _comparisons(
    metrics: Metrics, records: Mapping[str, Sequence[EvalRecord]], scores: Mapping[str, Mapping[str, float]]
) -> tuple[Comparison, ...]:
    """Compare tuned with base by every metric, then with the best baseline by the primary one."""
    found = [
        compare(records["base"], records["tuned"], metric)
        for metric in metrics.metrics
        if metric.name in scores["base"] and metric.name in scores["tuned"]
    ]
    primary = metrics.primary
    sign = 1 if primary.higher_is_better else -1
    others = [name for name in records if name not in ("base", "tuned") and primary.name in scores[name]]
    if others:
        best = max(others, key=lambda name: sign * scores[name][primary.name])
        found.append(compare(records[best], records["tuned"], primary, best, "tuned"))
    return tuple(found)


def _side_by_side(base: Sequence[EvalRecord], tuned: Sequence[EvalRecord]) -> tuple[SideBySide, ...]:
    """The first items by the hash of their ids: a random sample that is the same every time."""
    order = sorted(range(len(base)), key=lambda index: hash_value(base[index].item_id))[:SIDE_BY_SIDE]
    return tuple(
        SideBySide(
            base[i].item_id,
            base[i].prompt,
            base[i].references[0],
            base[i].answer.output or "",
            tuned[i].answer.output or "",
        )
        for i in order
    )
