"""Verdicts on abilities that are asked in blocks until they are decided."""

import random
from dataclasses import replace

import pytest
from scored import ability, flips, losses

from keeptune.forgetting.compare import pair
from keeptune.forgetting.drop import measure_drop
from keeptune.forgetting.gate import decide
from keeptune.forgetting.paired_scores import paired_scores
from keeptune.forgetting.sequential import ASYMPTOTIC, BETTING, EARLY, sequential_drop, side_of
from keeptune.forgetting.verdict import Confidence, decided_early, judge
from keeptune.records import Answer, EvalRecord, ItemScore
from keeptune.scoring.table import METRICS
from keeptune.statistics.confidence_sequence import Planned

PLANNED = Planned(400, 400, 1)
IN_BLOCKS = Confidence(planned=PLANNED)
DEV = flips(200, 0, 0)[0]


def asked(items, worse, better):
    """Both sides of so many items, the changed ones spread among them."""
    order = list(range(items))
    random.Random(0).shuffle(order)
    return tuple([side[i] for i in order] for side in flips(items, worse, better))


def judged(base, tuned, confidence=IN_BLOCKS, **more):
    return judge(ability(**more), base, tuned, DEV, confidence=confidence)


def test_kept_and_lost_are_decided_early():
    kept, lost, unsure = judged(*asked(220, 2, 2)), judged(*asked(72, 30, 2)), judged(*asked(72, 6, 3))
    assert [r.verdict for r in (kept, lost, unsure)] == ["kept", "lost", "inconclusive"]
    assert [decided_early(r, IN_BLOCKS) for r in (kept, lost, unsure)] == [True, True, False]
    assert (lost.items, lost.planned_items) == (72, 400)
    assert "after 72 of 400" in lost.reason
    assert "on 72 of 400" in unsure.reason
    assert {r.drop.method for r in (kept, lost, unsure)} == {BETTING}
    assert kept.drop.level == pytest.approx(1 - 2 * EARLY * 0.025)
    assert (lost.change, unsure.change) == ("fell", "no change shown")
    assert kept.detectable_drop is None


def test_what_is_asked_in_full_is_judged_as_usual_at_a_stricter_level():
    base, tuned = asked(400, 20, 20)
    alone, in_blocks = judged(base, tuned, Confidence()), judged(base, tuned)
    level = 1 - 2 * (1 - EARLY) * 0.025
    assert in_blocks.drop == judged(base, tuned, Confidence(level=level)).drop
    assert in_blocks.drop.level == pytest.approx(0.97)
    assert in_blocks.p_lost == pytest.approx(min(1, alone.p_lost / (1 - EARLY)))
    assert in_blocks.change_p == pytest.approx(min(1, alone.change_p / (1 - EARLY)))
    assert in_blocks.verdict == alone.verdict == "kept"
    assert in_blocks.reason.startswith("The change is"), "no word on items that were left out"
    assert "of 400" not in in_blocks.reason
    assert in_blocks.detectable_drop > alone.detectable_drop


def test_lost_counts_for_the_gate_whatever_else_is_declared():
    """Asking stops only where Holm's strictest step is passed, so that no later ability undoes a verdict."""
    family = replace(IN_BLOCKS, family=10)
    edge, sure = (
        judged(*asked(108, worse, 4), confidence=family, declared=True, name=f"fell by {worse}") for worse in (27, 50)
    )
    assert [decided_early(r, family) for r in (edge, sure)] == [False, True]
    open_ = [judged(*asked(108, 8, 4), confidence=family, declared=True, name=f"open{n}") for n in range(9)]
    decision = decide([sure, *open_])
    assert decision.abilities[0].verdict == "lost"
    assert decision.gate == "fail"


def test_items_without_a_score_count_against_either_verdict():
    base, tuned = asked(220, 2, 2)
    gone = [
        replace(r, scores={name: ItemScore(None) for name in r.scores}) if i % 12 == 0 else r
        for i, r in enumerate(tuned)
    ]
    report = judged(base, gone)
    assert (report.verdict, report.unscored) == ("inconclusive", 19)
    assert report.drop.high > judged(base, tuned).drop.high + 5


def entity_records(counts):
    return [
        EvalRecord(
            f"i{i}", f"i{i}", "ask", ("person: Ada",), (), Answer(f"i{i}", "person: Ada"),
            {"entity_f1": ItemScore(100.0 * 2 * tp / (2 * tp + fp + fn), {"tp": tp, "fp": fp, "fn": fn})},
        )
        for i, (tp, fp, fn) in enumerate(counts)
    ]  # fmt: skip


def test_a_score_that_is_no_mean_of_items_has_an_asymptotic_sequence():
    base = entity_records([(2.0, 0.0, i % 2) for i in range(108)])
    worse = entity_records([(2.0, 0.0, i % 2) if i % 3 else (0.0, i % 4, 2.0 + i % 2) for i in range(108)])
    scores = paired_scores(pair(base, worse), METRICS["entity_f1"])
    drop = sequential_drop(pair(base, worse), scores, 5.0, 0.01, PLANNED)
    alone = measure_drop(scores, 5.0, 0.98)
    assert drop.interval.method.startswith(ASYMPTOTIC)
    assert drop.interval.level == 0.98
    assert drop.verdict(5.0) == "lost"
    assert drop.interval.low < alone.interval.low < alone.interval.high < drop.interval.high
    assert alone.p_above < drop.p_above < 0.01


def test_losses_too():
    base = losses([2.0 + i % 7 / 10 for i in range(108)])
    worse = losses([2.0 + i % 7 / 10 + 0.3 + i % 5 / 20 for i in range(108)])
    scores = paired_scores(pair(base, worse), METRICS["token_loss"])
    drop = sequential_drop(pair(base, worse), scores, 0.05, 0.01, PLANNED)
    assert drop.interval.method.startswith(ASYMPTOTIC)
    assert drop.verdict(0.05) == "lost"


@pytest.mark.parametrize(
    ("flips_", "side"), [((48, 16, 1), "above"), ((48, 1, 1), "undecided"), ((350, 1, 1), "below")]
)
def test_a_choice_by_half_the_margin(flips_, side):
    assert side_of(pair(*asked(*flips_)), METRICS["exact_match"], 2.5, 0.05, PLANNED) == side
