"""The verdict on one ability, from records alone."""

import random
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scored import ability, flips, losses, records

from keeptune.errors import ConfigError, MetricError, PairingError
from keeptune.forgetting.verdict import judge
from keeptune.records import AbilityReport, Undefined, from_plain, to_plain
from keeptune.statistics.mcnemar import mcnemar_mid_p


@pytest.mark.parametrize(
    ("worse", "better", "verdict", "change", "reason"),
    [
        (6, 5, "kept", "no change shown", "The change is −1.4 points at worst, within the margin of 5."),
        (5, 30, "kept", "rose", "The change is +2.4 points at worst, within the margin of 5."),
        (24, 8, "kept", "fell", "The change is −4.7 points at worst, within the margin of 5."),
        (90, 15, "lost", "fell", "The drop is at least 9.4 points, above the margin of 5."),
        (
            33,
            9,
            "inconclusive",
            "fell",
            "The change is −6.3 to −2.0 points, on both sides of the margin of 5; about 5,662 items (all new, or "
            "planned with --looks) would decide if the true change is the one observed.",
        ),
    ],
)
def test_verdict_change_and_reason(worse, better, verdict, change, reason):
    report = judge(ability(), *flips(600, worse, better))
    assert (report.verdict, report.change, report.reason) == (verdict, change, reason)
    assert (report.fell, report.rose, report.unchanged) == (worse, better, 600 - worse - better)
    assert report.change_p == mcnemar_mid_p(better, worse)
    assert report.drop.estimate == pytest.approx(report.base - report.tuned)


def test_a_limit_close_to_the_margin_is_told_with_the_digits_that_decide():
    base, tuned = flips(600, 25, 7)
    limit = judge(ability(), base, tuned).drop.high
    report = judge(ability(margin=limit + 0.004), base, tuned)
    assert report.verdict == "kept"
    assert float(re.search(r"−([\d.]+) points at worst", report.reason)[1]) < limit + 0.004


def test_the_users_margin_decides():
    base, tuned = flips(600, 60, 12)  # a drop of 8
    verdicts = {m: judge(ability(margin=m), base, tuned).verdict for m in (2.0, 5.0, 8.0, 12.0)}
    assert verdicts == {2.0: "lost", 5.0: "lost", 8.0: "inconclusive", 12.0: "kept"}
    assert judge(ability(margin=2.0), base, tuned).margin == 2.0


def test_few_items_prove_nothing():
    report = judge(ability(), *flips(30, 0, 0))
    assert report.verdict == "inconclusive"
    assert report.drop.estimate == 0
    assert report.items_to_decide > 30
    assert report.reason.endswith('items (all new, or planned with --looks) would show "kept" if nothing has changed.')


def test_a_drop_above_the_margin_that_chance_may_have_made():
    report = judge(ability(), *flips(50, 7, 0))
    assert report.verdict == "inconclusive"
    assert report.drop.low > report.margin
    assert "between" not in report.reason
    assert report.reason.endswith(
        "above the margin of 5, but so few items changed that chance may explain it; more items would decide."
    )


def test_few_changes_are_not_called_undecidable():
    base = records([100.0] * 9 + [50.0] * 291, "rouge1")
    tuned = records([0.0] * 9 + [50.0] * 291, "rouge1")
    report = judge(ability(metric="rouge1"), base, tuned)
    assert report.verdict == "inconclusive"
    assert report.reason.endswith("so few items changed that the bound is rough, and more items would decide.")


def test_not_measurable_where_the_base_is_near_chance_whatever_fell():
    base, tuned = flips(400, 120, 0, right=0.4)
    report = judge(ability(chance=50.0), base, tuned)
    assert report.verdict == "not measurable"
    assert "on the verdict items" in report.reason
    assert isinstance(report.retention, Undefined) or report.retention.estimate < 1
    dev = records([100] * 90 + [0] * 10)
    assert judge(ability(chance=50.0), base, tuned, dev).verdict == "lost"


def test_unscored_items_are_left_out_on_both_sides():
    base, tuned = flips(300, 4, 4)
    base = [replace(r, scores={"exact_match": replace(r.scores["exact_match"], value=None)}) for r in base[:7]] + base[
        7:
    ]
    report = judge(ability(), base, tuned)
    assert (report.items, report.unscored) == (293, 7)
    assert report.fell + report.rose + report.unchanged == 293
    assert report.flags == ("not scored: 0 of 300 tuned answers, 7 of the base's",)


@pytest.mark.parametrize("values", [[], [None, None], [100]])
def test_nothing_or_one_item_is_inconclusive_never_a_crash(values):
    report = judge(ability(chance=10.0), records(values), records(values))
    assert report.verdict == "inconclusive"
    assert isinstance(report.drop, Undefined)
    assert (report.base is None) == (values != [100])
    assert (report.p_lost, report.detectable_drop, report.items_to_decide) == (None, None, None)


def test_all_equal_scores_are_fine():
    for value in (0, 100):
        rows = records([value] * 200)
        report = judge(ability(), rows, rows)
        assert (report.base, report.tuned) == (value, value)
        assert report.verdict == ("kept" if value else "not measurable")
    graded = records([50] * 200, "rouge1")
    assert judge(ability(metric="rouge1", chance=10.0), graded, graded).verdict == "kept"


def test_a_loss_rises_to_be_lost():
    rng = random.Random(5)
    base = [rng.uniform(2.0, 4.0) for _ in range(120)]
    spec = ability("language", "token_loss", "loss", margin=0.05)
    worse = judge(spec, losses(base), losses([v + rng.uniform(0.1, 0.2) for v in base]))
    assert (worse.verdict, worse.change, worse.higher_is_better) == ("lost", "fell", False)
    assert worse.drop.estimate == pytest.approx(worse.tuned - worse.base)
    assert worse.rose == 120, "the loss itself rose"
    assert worse.reason.startswith("The drop is at least 0.14")
    assert worse.reason.endswith(" nats per token, above the margin of 0.05.")
    better = judge(spec, losses(base), losses([v - 0.2 * rng.random() for v in base]))
    assert (better.verdict, better.change) == ("kept", "rose")
    same = judge(spec, losses(base), losses(base))
    assert (same.verdict, same.change) == ("kept", "no change shown")
    assert same.reason == "Every item has exactly the same loss before and after."


def test_clusters_are_what_counts():
    rng = random.Random(6)
    clusters = [f"d{i // 3}" for i in range(300)]
    groups = [rng.random() < 0.09 for _ in range(100)]
    tuned = [0 if groups[i // 3] else 100 for i in range(300)]
    together = judge(ability(), records([100] * 300, clusters=clusters), records(tuned, clusters=clusters))
    alone = judge(ability(), records([100] * 300), records(tuned))
    assert (together.clusters, alone.clusters) == (100, 300)
    assert together.change_p is not None
    assert alone.verdict == "lost"
    assert together.verdict == "inconclusive", "a few dialogues are not three times as many observations"


def test_a_report_survives_json():
    report = judge(ability(chance=10.0, declared=True), *flips(200, 20, 5))
    assert from_plain(AbilityReport, to_plain(report)) == report


@pytest.mark.parametrize("margin", [0.0, -1.0, 100.0, float("nan")])
def test_an_impossible_margin_is_refused(margin):
    with pytest.raises(ConfigError, match="the margin of facts"):
        judge(ability(margin=margin), *flips(10, 1, 1))


def test_mismatches_raise_and_name_the_item():
    base, tuned = flips(20, 2, 2)
    for wrong, message in (
        (tuned[:-1], "item i19 was not answered after"),
        ([*tuned, tuned[3]], "item i3 occurs 2 times after"),
        ([replace(tuned[0], prompt="other"), *tuned[1:]], "item i0: different prompt"),
    ):
        with pytest.raises(PairingError, match=message):
            judge(ability(), base, wrong)
    with pytest.raises(MetricError, match="not scored by rouge1"):
        judge(ability(metric="rouge1"), base, tuned)


pairs = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=80)


@settings(max_examples=25, deadline=None)
@given(pairs)
def test_identical_records_never_lose(values):
    rows = records([100 * b for b, _ in values])
    report = judge(ability(margin=1.0), rows, rows)
    assert (report.rose, report.fell, report.drop.estimate) == (0, 0, 0)
    assert report.verdict in ("kept", "inconclusive")
    assert report.change == "no change shown"


@settings(max_examples=25, deadline=None)
@given(pairs, st.sampled_from(["exact_match", "rouge1"]))
def test_swapping_base_and_tuned_mirrors_the_drop(values, metric):
    base, tuned = (records([100 * v[side] for v in values], metric) for side in (0, 1))
    there, back = judge(ability(metric=metric), base, tuned), judge(ability(metric=metric), tuned, base)
    assert there.drop.estimate == pytest.approx(-back.drop.estimate, abs=1e-9)
    if metric == "exact_match":  # of others, more is taken to be able to fall than was seen
        assert there.drop.low == pytest.approx(-back.drop.high, abs=1e-9)
        assert there.drop.high == pytest.approx(-back.drop.low, abs=1e-9)
    assert (there.rose, there.fell) == (back.fell, back.rose)
    assert {there.verdict, back.verdict} != {"lost"}


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["exact_match", "rouge1"]), st.booleans())
def test_the_order_of_items_does_not_matter(seed, metric, grouped):
    rng = random.Random(seed)
    n = 90
    clusters = [f"g{rng.randrange(40)}" for _ in range(n)] if grouped else None
    base = records([rng.choice([0, 100]) for _ in range(n)], metric, clusters)
    tuned = records([rng.choice([0, 100]) for _ in range(n)], metric, clusters)
    report = judge(ability(metric=metric), base, tuned)
    rng.shuffle(base)
    rng.shuffle(tuned)
    again = judge(ability(metric=metric), base, tuned)
    assert again.verdict == report.verdict
    assert again.drop.low == pytest.approx(report.drop.low, abs=1e-9)
    assert again.drop.high == pytest.approx(report.drop.high, abs=1e-9)
    assert (again.rose, again.fell) == (report.rose, report.fell)
