"""The drop: which interval, which bound where little changed, and what it says about more items."""

import random
from dataclasses import replace

import pytest
from scored import flips, losses, record, records

from keeptune.forgetting.drop import FEW_CHANGES, NO_CHANGE, binary_drop, measure_drop
from keeptune.forgetting.paired_scores import paired_scores
from keeptune.records import ItemScore, Undefined
from keeptune.scoring.table import METRICS
from keeptune.statistics.looks import level_of
from keeptune.statistics.tango import tango_interval, tango_mid_p_above


def drop_of(base, tuned, metric="exact_match", margin=5.0):
    return measure_drop(paired_scores(list(zip(base, tuned, strict=True)), METRICS[metric]), margin)


def test_binary_is_tango_with_worse_as_positive():
    drop = drop_of(*flips(400, worse=40, better=12))
    fraction = tango_interval(40, 12, 400)
    assert drop.interval.estimate == pytest.approx(7)
    assert (drop.interval.low, drop.interval.high) == pytest.approx((100 * fraction.low, 100 * fraction.high))
    assert drop.p_above == tango_mid_p_above(40, 12, 400, 0.05)
    assert drop == binary_drop(40, 12, 400, 5.0)


def test_graded_is_the_jackknife():
    rng = random.Random(4)
    base = [rng.uniform(30, 90) for _ in range(60)]
    tuned = [b - rng.gauss(8, 4) for b in base]
    drop = drop_of(records(base, "rouge1"), records(tuned, "rouge1"), "rouge1")
    assert drop.interval.method == "cluster jackknife, score test"
    assert drop.interval.estimate == pytest.approx(sum(base) / 60 - sum(tuned) / 60)
    assert drop.verdict(5.0) == "lost"
    assert drop.verdict(20.0) == "kept"
    assert drop.detectable > 5


def test_a_loss_that_rises_is_a_drop():
    rng = random.Random(1)
    base = [rng.uniform(2, 4) for _ in range(80)]
    drop = drop_of(losses(base), losses([b + rng.uniform(0.1, 0.3) for b in base]), "token_loss", 0.05)
    assert 0.15 < drop.interval.estimate < 0.25
    assert drop.verdict(0.05) == "lost"


@pytest.mark.parametrize("metric", ["exact_match", "rouge1"])
def test_identical_answers_are_kept_where_there_are_enough_of_them(metric):
    """Unseen in 400 items, 3.84/404 = 0.95 % may still change: a binary score and a graded one say the same."""
    many, few = records([100, 0] * 200, metric), records([100, 0] * 25, metric)
    drop = drop_of(many, many, metric)
    assert (drop.interval.estimate, drop.verdict(5.0)) == (0, "kept")
    assert drop.interval.high == pytest.approx(0.9512, abs=0.02)
    assert drop_of(few, few, metric).verdict(5.0) == "inconclusive", "nothing changed in 50 items: too few"


def test_few_small_changes_leave_room_for_large_ones_not_seen():
    base = records([80.0] * 600, "rouge1")
    drop = drop_of(base, records([79.0] * 5 + [80.0] * 595, "rouge1"), "rouge1")
    assert drop.interval.method == FEW_CHANGES
    assert -1.0 < drop.interval.low < -0.2
    assert 0.2 < drop.interval.high < 1.0
    assert (drop.verdict(5.0), drop.p_above) == ("kept", 1.0)
    fallen = drop_of(base[:40], records([0.0] * 9 + [80.0] * 31, "rouge1"), "rouge1")
    assert fallen.verdict(5.0) == "inconclusive", "nine answers are too few to be called lost"


def test_one_heavy_cluster_is_too_few():
    clusters = ["big"] * 200 + [f"c{i}" for i in range(400)]
    for metric in ("rouge1", "exact_match"):
        rows = records([100.0] * 600, metric, clusters)
        drop = drop_of(rows, rows, metric)
        assert drop.caveat.startswith("401 clusters so unequal that they are worth 8.9")
        assert drop.verdict(5.0) == "inconclusive"


def test_corpus_f1_of_identical_answers_is_bound_too():
    def row(i, tp, fp, fn):
        score = ItemScore(200 * tp / (2 * tp + fp + fn), {"tp": tp, "fp": fp, "fn": fn})
        return replace(record(i, 0), scores={"entity_f1": score})

    rng = random.Random(2)
    rows = [row(i, rng.randint(0, 3), rng.randint(0, 1), 1) for i in range(500)]
    drop = drop_of(rows, rows, "entity_f1")
    assert drop.verdict(5.0) == "kept"
    assert 0.8 < drop.interval.high < 5.0, "wider than of a mean, 0.77: a longer answer weighs more"


def test_losses_equal_to_the_last_digit_are_kept_and_a_few_changed_ones_say_nothing():
    rows = losses([2.0 + 0.01 * i for i in range(100)])
    same = drop_of(rows, rows, "token_loss", 0.05)
    assert (same.interval.method, same.verdict(0.05)) == (NO_CHANGE, "kept")
    few = losses([2.5 + 0.01 * i if i < 3 else 2.0 + 0.01 * i for i in range(100)])
    drop = drop_of(rows, few, "token_loss", 0.05)
    assert drop.verdict(0.05) == "inconclusive"
    assert drop.caveat == "only 3 of 100 clusters differ: too few for a verdict"


def test_too_little_to_say_anything():
    for values, reason in (([], "no item has a score on both sides"), ([100], "only one item has a score")):
        drop = drop_of(records(values), records(values))
        assert isinstance(drop.interval, Undefined)
        assert drop.interval.reason.startswith(reason)
        assert drop.verdict(5.0) == "inconclusive"
    twenty = drop_of(records([90.0] * 20, "rouge1"), records([10.0] * 20, "rouge1"), "rouge1")
    assert twenty.caveat == "only 20 clusters: too few for a verdict"
    assert (twenty.verdict(5.0), twenty.p_above, twenty.detectable) == ("inconclusive", None, None)
    assert twenty.items_to_decide >= 30


def test_the_same_fall_everywhere_is_that_fall():
    clusters = [f"g{i // 2}" for i in range(80)]
    drop = drop_of(records([100] * 80, clusters=clusters), records([0] * 80, clusters=clusters))
    assert (drop.interval.estimate, drop.interval.high) == (100, pytest.approx(100))
    assert drop.interval.low > 80
    assert drop.p_above < 1e-6
    assert drop.verdict(5.0) == "lost"


def test_items_count_items_not_clusters():
    rng = random.Random(3)
    clusters = [f"g{i // 4}" for i in range(240)]
    base = [100 * (rng.random() < 0.7) for _ in range(240)]
    tuned = [v if rng.random() < 0.8 else 100 - v for v in base]
    alone = drop_of(records(base), records(tuned))
    grouped = drop_of(records(base, clusters=clusters), records(tuned, clusters=clusters))
    assert grouped.interval.method == "Tango score interval, clustered"
    assert 0.5 < grouped.items_to_decide / alone.items_to_decide < 2, "both in items: 60 clusters of 4"


def test_promises_hold_for_all_declared_abilities_and_looks():
    alone, of_eight = binary_drop(20, 20, 400, 5.0), binary_drop(20, 20, 400, 5.0, family=8)
    assert alone.interval == of_eight.interval
    assert alone.detectable < of_eight.detectable
    assert alone.items_to_decide < of_eight.items_to_decide
    look = binary_drop(20, 20, 400, 5.0, level=level_of(4))
    assert look.interval.low < alone.interval.low < alone.interval.high < look.interval.high
    assert look.detectable > alone.detectable
    edge = binary_drop(45, 10, 400, 5.0)
    assert (edge.p_above < 0.025, edge.verdict(5.0)) == (True, "lost")
    assert binary_drop(45, 10, 400, 5.0, level=level_of(4)).verdict(5.0) == "inconclusive"


@pytest.mark.parametrize("metric", ["exact_match", "rouge1"])
def test_one_repeated_cluster_changes_next_to_nothing(metric):
    rng = random.Random(8)
    base = [100.0 * (rng.random() < 0.8) for _ in range(402)]
    tuned = [b if rng.random() < 0.9 else 100.0 - b for b in base]
    clusters = [str(max(i, 1)) for i in range(402)]
    alone = drop_of(records(base, metric), records(tuned, metric), metric)
    paired = drop_of(records(base, metric, clusters), records(tuned, metric, clusters), metric)
    for one, other in ((paired.interval.low, alone.interval.low), (paired.interval.high, alone.interval.high)):
        assert one == pytest.approx(other, abs=0.2)
    assert paired.p_above == pytest.approx(alone.p_above, abs=0.01)


def test_falls_that_are_rare_and_large_widen_the_limit_above():
    """13 answers of 300 collapse from 80: Student's t puts the limit at 5.2, yet a drop of 5.5 makes so few in 12 %."""
    base = [80.0] * 300
    drop = drop_of(records(base, "rouge1"), records([0.0] * 13 + base[13:], "rouge1"), "rouge1")
    assert drop.interval.high > 5.6
    assert drop.interval.high - drop.interval.estimate > drop.interval.estimate - drop.interval.low
