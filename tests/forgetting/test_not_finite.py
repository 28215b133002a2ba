"""Scores that are no finite numbers: a typed error, never a verdict."""

import json

import pytest
from scored import ability, losses, record, records

from keeptune.errors import KeeptuneError, MetricError
from keeptune.forgetting.compare import compare
from keeptune.forgetting.verdict import judge
from keeptune.inference.answers import score_answers
from keeptune.records import Answer, EvalRecord, Example, ItemScore, from_plain
from keeptune.scoring.mean import MeanMetric
from keeptune.scoring.metric import corpus_score
from keeptune.scoring.table import METRICS

BAD = [float("nan"), float("inf"), float("-inf")]


def with_score(rows, value, metric):
    bad = EvalRecord(**{**{f: getattr(rows[3], f) for f in EvalRecord.__slots__}, "scores": {metric: value}})
    return [*rows[:3], bad, *rows[4:]]


@pytest.mark.parametrize("value", [*BAD, "100", True])
@pytest.mark.parametrize("metric", ["exact_match", "rouge1"])
def test_binary_and_graded_records_alike(metric, value):
    base = records([100] * 200, metric)
    for bad in (ItemScore(value, {"sum": 100.0, "n": 1.0}), ItemScore(100.0, {"sum": value, "n": 1.0})):
        tuned = with_score(base, bad, metric)
        for pair in ((base, tuned), (tuned, base)):
            with pytest.raises(MetricError, match="item i3"):
                judge(ability(metric=metric), *pair, base)
            with pytest.raises(MetricError):
                compare(*pair, METRICS[metric])
        with pytest.raises(MetricError):
            judge(ability(metric=metric), base, base, tuned)  # development items


def test_a_loss_and_a_score_between_right_and_wrong():
    base = losses([2.0] * 50)
    bad = with_score(base, ItemScore(float("nan"), {"nats": float("nan"), "tokens": 10.0}), "token_loss")
    with pytest.raises(MetricError, match="not a finite number"):
        judge(ability(metric="token_loss", output_type="loss"), base, bad)
    half = with_score(records([100] * 50), ItemScore(50.0, {"sum": 50.0, "n": 1.0}), "exact_match")
    with pytest.raises(MetricError, match="only be 0 or 100"):
        judge(ability(), records([100] * 50), half)


@pytest.mark.parametrize("value", BAD)
def test_where_scores_come_in(value):
    broken = MeanMetric("rouge1", lambda output, example: ItemScore(value, {"sum": value, "n": 1.0}))
    example = Example("i0", (), "right", ("right",))
    with pytest.raises(MetricError, match="item i0"):
        score_answers([example], [Answer("i0", "right", "stop")], [broken])
    with pytest.raises(MetricError):
        corpus_score(METRICS["rouge1"], [ItemScore(value, {"sum": value, "n": 1.0})])
    line = json.dumps({"value": value, "counts": {"sum": value, "n": 1.0}})
    read = [record(i, 100) for i in range(50)]
    read = with_score(read, from_plain(ItemScore, json.loads(line)), "exact_match")
    with pytest.raises(KeeptuneError):
        judge(ability(), read, records([100] * 50))
