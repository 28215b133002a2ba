"""Answers without a score count against every verdict: as wrong against "kept", as right against "lost"."""

from dataclasses import replace

import pytest
from scored import ability, flips, losses, record, records

from keeptune.errors import MetricError
from keeptune.forgetting.compare import pair
from keeptune.forgetting.gate import decide
from keeptune.forgetting.paired_scores import paired_scores
from keeptune.forgetting.unscored import filled_pairs
from keeptune.forgetting.verdict import judge
from keeptune.records import ItemScore
from keeptune.scoring.table import METRICS

EXACT = METRICS["exact_match"]


def without_scores(rows, where):
    return [
        replace(r, scores={name: ItemScore(None) for name in r.scores}) if where(i) else r for i, r in enumerate(rows)
    ]


@pytest.mark.parametrize("side", ["tuned", "base", "both"])
def test_half_of_the_answers_without_a_score_are_not_kept(side):
    base, tuned = records([100] * 600), records([100] * 300 + [100, 0] * 150 if side == "base" else [100] * 600)
    half = lambda i: i >= 300  # noqa: E731
    base = without_scores(base, half) if side != "tuned" else base
    tuned = without_scores(tuned, half) if side != "base" else tuned
    decision = decide([judge(ability(declared=True), base, tuned, records([100] * 100))])
    report = decision.abilities[0]
    assert (report.verdict, decision.gate, report.unscored) == ("inconclusive", "inconclusive", 300)
    assert report.drop.high > 24
    assert "300 items without one" in report.reason


def test_few_of_them_leave_a_verdict_that_holds_whatever_they_are():
    dev = records([100] * 100)
    base, tuned = flips(600, 2, 2)
    few = judge(ability(), base, without_scores(tuned, lambda i: i < 3), dev)
    assert (few.verdict, few.unscored) == ("kept", 3)
    base, tuned = flips(600, 200, 2)
    assert judge(ability(), base, without_scores(tuned, lambda i: i % 20 == 0), dev).verdict == "lost"
    base, tuned = flips(600, 70, 10)  # lost, if those without a score had not been kept
    assert judge(ability(), base, tuned, dev).verdict == "lost"
    assert judge(ability(), base, without_scores(tuned, lambda i: i % 10 == 0), dev).verdict == "inconclusive"


def test_graded_scores_are_bounded_by_the_reference_and_the_empty_answer():
    rows = [record(i, 60, "token_f1", f"right{i} and more", reference=f"right{i}") for i in range(300)]
    report = judge(ability(metric="token_f1"), rows, without_scores(rows, lambda i: i < 60), rows[:100])
    assert report.verdict == "inconclusive"
    assert report.drop.low < -5 < 10 < report.drop.high


def test_a_loss_has_no_bounds():
    rows = losses([2.0 + i % 7 / 10 for i in range(200)])
    report = judge(
        ability(metric="token_loss", output_type="loss", margin=0.05), rows, without_scores(rows, lambda i: i == 5)
    )
    assert report.verdict == "inconclusive"
    assert "1 of 200 items have no score" in report.reason


def test_a_base_without_scores_is_no_able_base():
    base = without_scores(records([100] * 200), lambda i: i >= 15)
    assert judge(ability(), base, base, base).verdict == "not measurable"


def test_what_chooses_a_mitigation_counts_them_as_fallen():
    rows = records([100] * 100)
    scores = paired_scores(filled_pairs(pair(rows, without_scores(rows, lambda i: i < 40)), EXACT, fallen=True), EXACT)
    assert scores.corpus() == (100, 60)
    loss = losses([2.0] * 30)
    with pytest.raises(MetricError, match="no worst value"):
        filled_pairs(pair(loss, without_scores(loss, lambda i: i == 2)), METRICS["token_loss"], fallen=True)
