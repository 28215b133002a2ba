"""Measurable: the base must be surely above chance, by more than twice the margin."""

import random

import pytest
from scored import ability, losses, record, records

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


def labelled(labels, answered):
    choices = ("yes", "maybe", "no")
    pairs = enumerate(zip(labels, answered, strict=True))
    return [record(i, 100 * (y == a), reference=y, output=a, choices=choices) for i, (y, a) in pairs]


def test_a_base_that_always_gives_the_most_frequent_label_has_nothing_to_lose():
    labels = ["maybe"] * 97 + ["yes"] * 30 + ["no"] * 18
    base = labelled(labels, ["maybe"] * 145)  # 66.9 %, lower limit 58.9: far above chance
    assert why_not_measurable(ability(chance=100 / 3), EXACT, base, []) == (
        "the base is not surely more than 10 above the score of always answering 'maybe' (66.9) on the development "
        "items: 66.9 (58.89 to 74.03)"
    )
    assert "always answering 'maybe'" in why_not_measurable(ability(chance=100 / 3), EXACT, [], base)
    able = labelled(labels, ["maybe"] * 97 + ["yes"] * 30 + ["maybe"] * 18)  # 87.6 %, lower limit 81.2
    assert why_not_measurable(ability(chance=100 / 3), EXACT, able, []) == ""
    assert "(66.9)" in why_not_measurable(ability(chance=100 / 3, margin=8.0), EXACT, able, [])


def test_of_balanced_labels_and_of_texts_of_their_own_chance_is_what_a_guesser_has():
    labels = ["yes", "maybe", "no"] * 40
    base = labelled(labels, ["yes"] * 120)
    assert "above chance (33.33)" in why_not_measurable(ability(chance=100 / 3), EXACT, base, [])
    own = [record(i, 0, reference=f"text {i}", choices=(f"text {i}", "other")) for i in range(100)]
    assert "above chance (50)" in why_not_measurable(ability(chance=50.0), EXACT, own, [])


def test_no_chance_no_question():
    assert why_not_measurable(ability(chance=None, form="loss"), LOSS, [], []) == ""


def test_of_a_loss_chance_is_above():
    rng = random.Random(2)
    base = losses([rng.uniform(2.8, 3.2) for _ in range(60)])
    assert why_not_measurable(ability(chance=10.8, margin=0.05), LOSS, base, []) == ""
    assert "below chance (3)" in why_not_measurable(ability(chance=3.0, margin=0.05), LOSS, base, [])
