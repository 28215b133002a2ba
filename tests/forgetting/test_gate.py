"""The gate over declared abilities, and its two sentences."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scored import ability, flips, record

from keeptune.errors import ConfigError
from keeptune.forgetting.gate import decide, exit_code
from keeptune.forgetting.verdict import Confidence, judge
from keeptune.statistics.looks import level_of
from keeptune.statistics.multiplicity import holm_adjust


def report(name, worse, better, declared=True, items=600, **more):
    return judge(ability(name, declared=declared, **more), *flips(items, worse, better))


KEPT, ALSO_KEPT = report("facts", 6, 6), report("logic", 10, 6)
LOST = report("sentiment", 90, 15)
OPEN = report("ner", 12, 8, items=150)
UNMEASURABLE = report("inference", 6, 6, chance=65.0)
FELL, SAME = report("topic", 80, 10, declared=False), report("json", 5, 5, declared=False)


@pytest.mark.parametrize(
    ("reports", "gate", "code"),
    [
        ([KEPT, ALSO_KEPT], "pass", 0),
        ([KEPT, ALSO_KEPT, FELL], "pass", 0),
        ([KEPT, LOST, OPEN], "fail", 3),
        ([KEPT, OPEN], "inconclusive", 4),
        ([KEPT, UNMEASURABLE], "inconclusive", 4),
        ([LOST, UNMEASURABLE], "fail", 3),
        ([FELL, SAME], "nothing declared", 0),
        ([], "nothing declared", 0),
    ],
)
def test_gate_and_exit_code(reports, gate, code):
    decision = decide(reports, ("fail", "inconclusive"))
    assert (decision.gate, decision.exit_code) == (gate, code)
    assert len(decision.sentences) == (2 if any(r.declared for r in reports) else 1)
    assert all(sentence.endswith(".") for sentence in decision.sentences)
    assert [r.name for r in decision.abilities] == [r.name for r in reports]


def test_only_what_the_user_names_fails():
    assert [exit_code(g, ("fail",)) for g in ("pass", "fail", "inconclusive", "nothing declared")] == [0, 3, 0, 0]
    assert exit_code("inconclusive", ("inconclusive",)) == 4
    assert exit_code("fail", ()) == 0
    with pytest.raises(ConfigError, match="no outcome 'lost'"):
        decide([KEPT], ("lost",))


def test_of_many_that_were_not_declared_the_number_is_told():
    others = [report(f"other{n}", 6, 6, declared=False) for n in range(5)]
    undecided = [report(f"open{n}", 12, 8, items=150, declared=False) for n in range(5)]
    (kept,), (both,) = decide(others, ()).sentences, decide([*others, *undecided], ()).sentences
    assert "5 abilities" in kept
    assert "5 abilities are inconclusive" in both
    named = decide([KEPT, *others[:4], FELL], ()).sentences[1]
    assert "other3" in named
    many = decide([KEPT, *others, FELL], ()).sentences[1]
    assert "5 abilities are kept" in many
    assert "topic" in many


@pytest.mark.parametrize("declared", [True, False])
def test_of_many_that_fell_the_worst_three_are_described(declared):
    fell = [report(f"fell{n}", 80 + 10 * n, 10, declared=declared) for n in range(9)]
    gone = [replace(r, name=r.name.replace("fell", "gone"), verdict="collapsed", collapse="empty") for r in fell]
    sentence = decide(fell, ()).sentences[0]
    assert [f"fell{n} fell" in sentence for n in range(9)] == [False] * 6 + [True] * 3
    assert sentence.index("fell8 fell") < sentence.index("fell7 fell") < sentence.index("fell6 fell")
    assert "6 abilities" in sentence
    few = decide(fell[:5], ()).sentences[0]
    assert "fell1 and fell0" in few, "of few that are left, the names"
    both = decide([*gone[:7], *fell], ()).sentences[0]
    assert both.count("collapsed: empty") == (0 if declared else 3)
    assert both.count("margin 5)") == (3 if declared else 0)
    assert len(both) < 500


def test_what_a_colleague_would_say():
    assert decide([KEPT, SAME]).sentences == (
        "facts is kept: the change is −1.3 points at worst (margin 5).",
        "No forgetting was shown in the undeclared abilities (json).",
    )
    assert decide([KEPT, ALSO_KEPT, FELL]).sentences == (
        "Both declared abilities are kept; the closest is logic: the change is −2.2 points at worst (margin 5).",
        "Not declared: topic fell by 11.7 points (8.8 to 14.8; margin 5).",
    )
    failed = decide([KEPT, LOST, OPEN, UNMEASURABLE]).sentences
    assert failed[0].startswith(
        "sentiment fell by 12.5 points (9.4 to 15.8; margin 5), more than the margin allows; ner is "
    )
    assert failed[0].endswith("inference could not be measured; facts is kept.")
    assert failed[1] == "No other ability was measured."
    assert decide([FELL, SAME]).sentences == (
        "topic fell by 11.7 points (8.8 to 14.8; margin 5); json is kept (none was declared).",
    )
    assert decide([SAME]).sentences == ("No forgetting was shown in 1 ability (none was declared).",)
    unclear = [report(name, 12, 8, items=150, declared=False) for name in ("ner", "qa", "topic")]
    shown = "No forgetting was shown in"
    assert decide(unclear).sentences == (f"{shown} 3 abilities (none was declared); all 3 are inconclusive.",)
    assert decide(unclear[:2]).sentences == (f"{shown} 2 abilities (none was declared); both are inconclusive.",)
    assert decide([SAME, *unclear[:2]]).sentences == (
        f"{shown} 3 abilities (none was declared); ner and qa are inconclusive.",
    )
    assert "about 4" in decide([OPEN]).sentences[0]


def test_too_few_clusters_are_told_in_the_place_of_items_that_would_not_help():
    base, tuned = ([replace(r, cluster=f"c{i % 15}") for i, r in enumerate(side)] for side in flips(150, 30, 28))
    sentence = decide([judge(ability("ner", declared=True), base, tuned)]).sentences[0]
    assert "margin 5; only 15 clusters: too few for a verdict)" in sentence
    assert "could show" not in sentence


def collapsed(name, clusters, declared, answer="That sounds awful!"):
    """A base that knows half of the answers; a tuned model that gives one and the same to everything."""
    base = [record(i, 100 * (i % 2), cluster=f"c{i % clusters}") for i in range(150)]
    tuned = [record(i, 0, output=answer, cluster=f"c{i % clusters}") for i in range(150)]
    return judge(ability(name, declared=declared), base, tuned)


@pytest.mark.parametrize("answer", ["That sounds awful!", "", "again and again, and again and again, " * 6])
def test_a_collapse_is_a_finding_whatever_can_be_measured(answer):
    found = collapsed("topic", clusters=15, declared=False, answer=answer)
    assert (found.verdict, found.drop.low > 20) == ("collapsed", True)
    sentences = " ".join(decide([KEPT, found]).sentences)
    assert "No forgetting" not in sentences
    assert "topic collapsed: 100%" in sentences
    assert decide([KEPT, found]).exit_code == 0, "it was not declared"
    declared = decide([KEPT, collapsed("topic", clusters=15, declared=True, answer=answer)])
    assert (declared.gate, declared.exit_code) == ("fail", 3)
    assert declared.sentences[0].startswith("topic collapsed")


def test_a_base_that_is_no_better_has_not_let_it_collapse():
    rows = [record(i, 100 if i < 4 else 0, output="the same") for i in range(100)]
    assert judge(ability(), rows, rows).verdict == "not measurable"


def test_lost_only_without_the_correction_and_collapsed_is_collapsed():
    lost = replace(report("border", 63, 16), collapse="100% of the tuned answers are empty (base 0%)")
    decision = decide([lost, *[report(f"a{i}", 6, 6) for i in range(9)]])
    assert (decision.abilities[0].verdict, decision.gate) == ("collapsed", "fail")
    assert "as its answers collapsed" in decide([lost]).sentences[0]


def test_no_fall_is_denied_where_something_fell_or_was_not_judged():
    few = judge(ability("few", metric="rouge1"), *flips(20, 1, 0, metric="rouge1"))
    within = report("small", 24, 8, declared=False)  # kept, and yet its interval excludes 0
    weak = report("weak", 0, 0, declared=False, chance=65.0)
    unscored = judge(ability("holes"), *flips(600, 0, 0))
    unscored = replace(unscored, flags=("not scored: 30 of 600 tuned answers, 0 of the base's",))
    for other in (few, within, weak, unscored, FELL):
        for declared in ([], [KEPT]):
            sentences = " ".join(decide([*declared, SAME, other]).sentences)
            assert "No forgetting" not in sentences
            assert other.name in sentences
    fell = report("weak", 120, 0, declared=True, chance=65.0)
    assert "although weak fell by 20.0 points" in decide([fell]).sentences[0]


def test_undeclared_abilities_are_not_corrected_and_do_not_count():
    decision = decide([KEPT, FELL])
    assert decision.abilities[1].verdict == "lost"
    assert decision.abilities[1].p_lost_holm is None
    assert decision.gate == "pass"


def test_holm_over_the_declared_abilities():
    borderline = report("border", 63, 16)
    assert borderline.verdict == "lost"
    assert 0.005 < borderline.p_lost <= 0.025
    assert decide([borderline]).abilities[0].verdict == "lost"
    assert decide([borderline]).gate == "fail"
    crowd = [report(f"a{i}", 6, 6) for i in range(9)]
    decision = decide([borderline, *crowd])
    corrected = decision.abilities[0]
    assert corrected.verdict == "inconclusive"
    assert corrected.p_lost_holm == pytest.approx(10 * borderline.p_lost)
    assert corrected.reason.startswith(
        "By itself the drop is above the margin of 5, but not after correction for the 10"
    )
    assert decision.gate == "inconclusive"
    assert decide([*crowd, borderline]).abilities[-1] == corrected, "the order does not matter"


def test_an_ability_that_cannot_be_measured_or_has_no_p_value_counts_as_one():
    bad = report("weak", 200, 0, chance=75.0)
    assert (bad.verdict, bad.p_lost < 1e-9) == ("not measurable", True)
    few = judge(ability("few", declared=True, metric="rouge1"), *flips(20, 5, 0, metric="rouge1"))
    assert few.p_lost is None
    decided = decide([LOST, bad, few]).abilities
    assert decided[0].p_lost_holm == pytest.approx(holm_adjust([LOST.p_lost, 1.0, 1.0])[0])
    assert (decided[1].p_lost_holm, decided[2].p_lost_holm) == (None, None)


@given(st.permutations([KEPT, LOST, OPEN, UNMEASURABLE, FELL]))
def test_the_gate_does_not_depend_on_the_order(reports):
    assert decide(reports).gate == "fail"


def test_what_is_promised_holds_for_all_that_is_declared():
    alone, of_eight = (
        judge(ability("facts", declared=True), *flips(400, 20, 20), confidence=Confidence(family=k)) for k in (1, 8)
    )
    assert alone.drop == of_eight.drop
    assert alone.detectable_drop < of_eight.detectable_drop
    assert alone.items_to_decide < of_eight.items_to_decide
    undeclared = judge(ability("facts"), *flips(400, 20, 20), confidence=Confidence(family=8))
    assert undeclared.detectable_drop == alone.detectable_drop


def test_a_look_corrects_at_its_own_level():
    at = level_of(4)
    edge = judge(ability("facts", declared=True), *flips(400, 45, 10))
    assert decide([edge]).gate == "fail"
    look = judge(ability("facts", declared=True), *flips(400, 45, 10), confidence=Confidence(level=at))
    assert decide([look], alpha=(1 - at) / 2).gate == "inconclusive"
    surely = judge(ability("facts", declared=True), *flips(400, 80, 10), confidence=Confidence(level=at))
    assert decide([surely], alpha=(1 - at) / 2).gate == "fail"


def test_more_items_are_new_ones_or_planned_looks():
    for text in (judge(ability("facts", declared=True), *flips(100, 6, 6)).reason, *decide([OPEN]).sentences):
        assert "all new, or planned with --looks" in text or "items" not in text
