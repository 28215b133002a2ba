"""Retention with Fieller's interval."""

import pytest
from scored import flips

from keeptune.forgetting.paired_scores import paired_scores
from keeptune.forgetting.retention import retention
from keeptune.records import Undefined
from keeptune.scoring.table import METRICS


def kept(base, tuned, chance, metric="exact_match"):
    return retention(paired_scores(list(zip(base, tuned, strict=True)), METRICS[metric]), chance)


def test_ratio_above_chance():
    base, tuned = flips(400, worse=60, better=20, right=0.75)  # 75 % and 65 %
    result = kept(base, tuned, 50.0)
    assert result.estimate == pytest.approx(15 / 25)
    assert result.low < 0.6 < result.high < 1


def test_same_answers_keep_nearly_everything_as_far_as_can_be_told():
    base, _ = flips(100, 0, 0)
    result = kept(base, base, 20.0)
    assert result.estimate == 1
    assert 0.9 < result.low < 1 < result.high < 1.1


def test_thirty_clusters_are_the_least():
    base, tuned = flips(25, worse=3, better=1)
    assert "too few for a verdict" in kept(base, tuned, 20.0).reason


@pytest.mark.parametrize("chance", [69.0, 95.0])
def test_a_base_at_or_below_chance_has_none(chance):
    base, tuned = flips(100, worse=10, better=10)
    assert kept(base, tuned, chance) == Undefined("the base is not clearly above chance")


def test_no_chance_level_or_no_items():
    base, tuned = flips(100, 10, 10)
    assert kept(base, tuned, None) == Undefined("the metric has no chance level")
    assert isinstance(kept(base[:1], tuned[:1], 10.0), Undefined)
    assert isinstance(kept([], [], 10.0), Undefined)
