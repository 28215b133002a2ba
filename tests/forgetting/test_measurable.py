"""Measurable: the base must be surely above chance, by more than twice the margin."""

import random

import pytest
from scored import ability, losses, records

from keeptune.forgetting.measurable import score_interval, why_not_measurable
from keeptune.numerics.wilson import wilson_interval
from keeptune.records import Undefined
from keeptune.scoring.table import METRICS

EXACT, ROUGE, LOSS = METRICS["exact_match"], METRICS["rouge1"], METRICS["token_loss"]


def test_own_score_is_wilson_for_proportions_and_the_jackknife_for_others():
    share = wilson_interval(70, 100)
    interval = score_interval(records([100] * 70 + [0] * 30), EXACT)
    assert (interval.low, interval.high) == pytest.approx((100 * share.low, 100 * share.high))
    rng = random.Random(1)
    graded = score_interval(records([rng.uniform(0, 100) for _ in range(50)], "rouge1"), ROUGE)
    assert graded.method == "cluster jackknife, t"
    assert score_interval(records([50] * 29, "rouge1"), ROUGE) == Undefined("only 29 clusters: too few for a verdict")
    assert isinstance(score_interval([], EXACT), Undefined)
    assert score_interval(records([None, 100, 100]), EXACT).estimate == 100


def test_the_lower_limit_must_be_more_than_two_margins_above_chance():
    base = records([100] * 130 + [0] * 70)  # 65 %, lower limit 58.2
    assert why_not_measurable(ability(chance=48.0), EXACT, base, []) == ""
    reason = why_not_measurable(ability(chance=50.0), EXACT, base, [])
    assert reason == (
        "the base is not surely more than 10 above chance (50) on the development items: 65 (58.16 to 71.27)"
    )
    assert why_not_measurable(ability(chance=50.0, margin=2.0), EXACT, base, []) == ""


def test_without_development_items_the_verdict_items_serve_and_it_is_said():
    weak = records([100] * 52 + [0] * 48)
    reason = why_not_measurable(ability(chance=50.0), EXACT, [], weak)
    assert "on the items of the verdict (there are too few development items)" in reason
    assert why_not_measurable(ability(chance=10.0), EXACT, [], weak) == ""
    assert why_not_measurable(ability(chance=10.0), EXACT, [], []).startswith("whether the base is above chance")


def test_development_items_decide_where_there_are_any():
    strong, weak = records([100] * 100), records([0] * 100)
    assert why_not_measurable(ability(chance=50.0), EXACT, strong, weak) == ""
    assert why_not_measurable(ability(chance=50.0), EXACT, weak, strong) != ""


def test_no_chance_no_question():
    assert why_not_measurable(ability(chance=None, form="loss"), LOSS, [], []) == ""


def test_of_a_loss_chance_is_above():
    rng = random.Random(2)
    base = losses([rng.uniform(2.8, 3.2) for _ in range(60)])
    assert why_not_measurable(ability(chance=10.8, margin=0.05), LOSS, base, []) == ""
    assert "below chance (3)" in why_not_measurable(ability(chance=3.0, margin=0.05), LOSS, base, [])
