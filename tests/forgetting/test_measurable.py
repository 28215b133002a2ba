"""Measurable: the base must be surely above chance, by more than twice the margin."""

import random

import numpy as np
import pytest
from scored import ability, losses, record, records

from keeptune.forgetting.measurable import score_interval, why_not_measurable
from keeptune.records import Undefined
from keeptune.scoring.table import METRICS
from keeptune.statistics.wilson import wilson_interval

EXACT, ROUGE, LOSS = METRICS["exact_match"], METRICS["rouge1"], METRICS["token_loss"]


def test_own_score_is_wilson_for_proportions_and_the_jackknife_for_others():
    share = wilson_interval(70, 100)
    interval = score_interval(records([100] * 70 + [0] * 30), EXACT)
    assert (interval.low, interval.high) == pytest.approx((100 * share.low, 100 * share.high))
    rng = random.Random(1)
    graded = score_interval(records([rng.uniform(0, 100) for _ in range(50)], "rouge1"), ROUGE)
    assert graded.method == "cluster jackknife, score test"
    assert score_interval(records([50] * 29, "rouge1"), ROUGE) == Undefined("only 29 clusters: too few for a verdict")
    assert isinstance(score_interval([], EXACT), Undefined)
    assert score_interval(records([None, 100, 100]), EXACT).estimate == 100


def test_the_lower_limit_must_be_more_than_two_margins_above_chance():
    base = records([100] * 130 + [0] * 70)  # 65 %, lower limit 58.2
    assert why_not_measurable(ability(chance=48.0), EXACT, base) == ""
    reason = why_not_measurable(ability(chance=50.0), EXACT, base)
    assert reason == (
        "the base scores 65 (58.16 to 71.27) on the development items, which is not significantly more than 10 above "
        "the floor of 50 (chance)"
    )
    assert why_not_measurable(ability(chance=50.0, margin=2.0), EXACT, base) == ""


def test_without_development_items_the_mean_of_both_models_serves_and_it_is_said():
    weak = records([100] * 52 + [0] * 48)
    reason = why_not_measurable(ability(chance=50.0), EXACT, [], weak, weak)
    assert "the mean of both models" in reason
    assert why_not_measurable(ability(chance=10.0), EXACT, [], weak, weak) == ""
    assert isinstance(why_not_measurable(ability(chance=10.0), EXACT, [], []), Undefined)


def test_development_items_decide_where_there_are_any():
    strong, weak = records([100] * 100), records([0] * 100)
    assert why_not_measurable(ability(chance=50.0), EXACT, strong, weak, weak) == ""
    assert why_not_measurable(ability(chance=50.0), EXACT, weak, strong, strong) != ""


def test_without_development_items_the_choice_does_not_bias_the_drop():
    """Models that did not change, with a base close to the threshold: those that count as measurable fell by nothing on
    the mean, though the base's own score would choose the lucky bases."""
    rng = np.random.default_rng(0)
    runs, items = 3000, 200
    knows = rng.random((runs, items)) < 0.18
    flips = rng.random((2, runs, items)) < 0.16
    base, tuned = knows ^ flips[0], knows ^ flips[1]
    drops = 100.0 * (base.mean(axis=1) - tuned.mean(axis=1))
    mean = (base.mean(axis=1) + tuned.mean(axis=1)) / 2
    threshold = np.quantile(mean, 0.9)  # few are measurable
    by_base, by_both = drops[base.mean(axis=1) > threshold], drops[mean > threshold]
    assert by_base.mean() > 1.5
    assert abs(by_both.mean()) < 3 * drops.std() / len(by_both) ** 0.5
    # And that is what is done: a base above the threshold with a tuned model well below it does not pass by luck.
    lucky = records([100] * 66 + [0] * 134)
    unlucky = records([100] * 40 + [0] * 160)
    assert why_not_measurable(ability(chance=15.0), EXACT, [], lucky, lucky) == ""
    assert "mean of both" in why_not_measurable(ability(chance=15.0), EXACT, [], lucky, unlucky)
    assert why_not_measurable(ability(chance=15.0), EXACT, [], lucky, unlucky, base_alone=True) == ""


def labelled(labels, answered, metric="exact_match"):
    choices = ("yes", "maybe", "no")
    pairs = enumerate(zip(labels, answered, strict=True))
    return [record(i, 100 * (y == a), metric, reference=y, output=a, choices=choices) for i, (y, a) in pairs]


def test_a_base_that_always_gives_the_most_frequent_label_has_nothing_to_lose():
    labels = ["maybe"] * 97 + ["yes"] * 30 + ["no"] * 18
    base = labelled(labels, ["maybe"] * 145)  # 66.9 %, lower limit 58.9: far above chance
    for spec in (ability(chance=100 / 3), ability()):
        assert why_not_measurable(spec, EXACT, base) == (
            "the base scores 66.9 (58.89 to 74.03) on the development items, which is not significantly more than 10 "
            "above the floor of 66.9 (always answering 'maybe')"
        )
    able = labelled(labels, ["maybe"] * 97 + ["yes"] * 30 + ["maybe"] * 18)  # 87.6 %, lower limit 81.2
    assert why_not_measurable(ability(chance=100 / 3), EXACT, able) == ""
    assert "of 66.9 (" in why_not_measurable(ability(chance=100 / 3, margin=8.0), EXACT, able)


def test_of_balanced_labels_and_of_texts_of_their_own_chance_is_what_a_guesser_has():
    labels = ["yes", "maybe", "no"] * 40
    base = labelled(labels, ["yes"] * 120)
    assert "the floor of 33.33" in why_not_measurable(ability(chance=100 / 3), EXACT, base)
    own = [record(i, 0, reference=f"text {i}", choices=(f"text {i}", f"other {i}")) for i in range(100)]
    reason = why_not_measurable(ability(), METRICS["exact_match"], own)
    assert "the floor of 100 (always choosing choice 1)" in reason, "the right one always stands first"


def test_of_a_loss_chance_is_above():
    rng = random.Random(2)
    base = losses([rng.uniform(2.8, 3.2) for _ in range(60)])
    assert why_not_measurable(ability(chance=10.8, margin=0.05), LOSS, base) == ""
    assert "below the floor of 3 (chance)" in why_not_measurable(ability(chance=3.0, margin=0.05), LOSS, base)
