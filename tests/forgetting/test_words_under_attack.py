"""Words that must not be said: records built so that a rule which is nearly right says them."""

from dataclasses import replace

import pytest
from scored import ability, flips, record, records

from keeptune.forgetting.format import diagnose
from keeptune.forgetting.gate import decide
from keeptune.forgetting.verdict import Confidence, judge
from keeptune.records import Answer, EvalRecord, Interval, ItemScore
from keeptune.scoring.mean import mean_score

PLACES = 4


def answered(references, outputs, metric="label_accuracy", choices=("yes", "no")):
    return [
        record(i, 100 if right == given else 0, metric, output=given, reference=right, choices=choices)
        for i, (right, given) in enumerate(zip(references, outputs, strict=True))
    ]


def by_place(taken, items=200):
    """Choices of each item's own; `taken` maps (item, place of the right one) to the place that is likeliest."""
    rows = []
    for i in range(items):
        right = i * 7 // 3 % PLACES
        place = taken(i, right)
        choices = tuple(f"thing {i} {k}" for k in range(PLACES))
        values = tuple(-1.0 if k == place else -5.0 for k in range(PLACES))
        answer = Answer(f"i{i}", choice_loglikelihoods=values, choice_tokens=(1,) * PLACES)
        scores = {"choice_accuracy": mean_score(100.0 if place == right else 0.0)}
        rows.append(EvalRecord(f"i{i}", f"i{i}", "ask", (choices[right],), choices, answer, scores))
    return rows


def nearly_right(i, right):
    return right if i % 10 else (right + 1) % PLACES


def test_what_the_base_could_not_do_is_not_kept_by_having_been_learnt():
    references = [f"right{i}" for i in range(300)]
    base, tuned = records([100] * 30 + [0] * 270), records([100] * 280 + [0] * 20)
    assert [r.references[0] for r in base] == references
    report = judge(ability(declared=True, chance=10.0), base, tuned)
    assert (report.verdict, report.change) == ("not measurable", "rose")
    assert decide([report]).gate == "inconclusive"
    # A base that can do it, and rises, keeps it.
    assert judge(ability(declared=True, chance=10.0), *flips(300, 2, 40)).verdict == "kept"


def test_a_frequent_answer_that_is_mostly_right_is_no_collapse():
    references = ["no"] * 240 + ["yes"] * 60
    base = answered(references, ["no", "yes"] * 150)
    better = answered(references, [r if i % 2 else "no" for i, r in enumerate(references)])
    report = judge(ability(metric="label_accuracy", declared=True), base, better)
    assert (report.collapse, report.change) == ("", "rose")
    # The same text everywhere is one, though its score rose as well.
    report = judge(ability(metric="label_accuracy", declared=True), base, answered(references, ["no"] * 300))
    assert (report.verdict, report.change) == ("collapsed", "rose")


def test_one_answer_collapses_however_often_it_is_right():
    """References of which more than 90 % are one leave no room for a share that is 10 points above."""
    references = ["no"] * 370 + ["yes"] * 30
    base = answered(references, references[:-20] + ["no"] * 20)
    report = judge(ability(metric="label_accuracy", declared=True), base, answered(references, ["no"] * 400))
    assert report.collapse


def test_always_the_same_place_is_one_answer():
    base, tuned = by_place(nearly_right), by_place(lambda _i, _right: 0)
    asked = ability(metric="choice_accuracy", output_type="choices", chance=25.0, declared=True)
    assert "choice 1" in judge(asked, base, tuned).collapse
    found = diagnose(asked, base, tuned, {"template-2": (base, tuned)})
    assert found.broke == "same answer"
    # Wrong places of all kinds are not: that knowledge went may be said.
    mixed = by_place(lambda i, right: (right + i) % PLACES)
    assert judge(asked, base, mixed).collapse == ""
    assert diagnose(asked, base, mixed, {"template-2": (base, mixed)}).broke == "knowledge"


def test_no_number_of_items_is_advised_for_kept_where_it_surely_fell():
    base, tuned = ([replace(r, cluster=f"c{i % 15}") for i, r in enumerate(side)] for side in flips(150, 50, 2))
    report = judge(ability(declared=True), base, tuned)
    assert report.verdict == "inconclusive"
    assert report.drop.low > report.margin
    (said, _) = decide([report]).sentences
    assert "kept" not in said
    assert "only 15 clusters: too few for a verdict" in said
    report = judge(ability(declared=True), *flips(400, 34, 4))
    assert report.drop.low > 0
    assert "if nothing has changed" not in report.reason


def test_no_number_of_items_is_advised_that_nobody_has():
    report = judge(ability(declared=True, margin=0.001), *flips(400, 5, 4))
    assert report.items_to_decide > 1_000_000
    assert "100,000" in report.reason
    assert "items" not in decide([report]).sentences[0]


def test_a_look_says_that_an_ability_changed_at_its_own_level():
    pairs = flips(400, 14, 4)
    once, looked = judge(ability(), *pairs), judge(ability(), *pairs, confidence=Confidence(level=0.99))
    assert (once.change, looked.change) == ("fell", "no change shown")
    assert 0.01 < once.change_p < 0.05
    assert decide([once], alpha=0.005).abilities[0].change == "no change shown"


@pytest.mark.parametrize("lower", [False, True])
def test_unscored_answers_of_a_users_metric_may_have_been_the_worst(tmp_path, lower):
    """To a metric that counts errors the empty answer may be as good as the reference."""
    file = tmp_path / "my.py"
    file.write_text(
        "def errors(output, references, example):\n"
        f"    return {'0' if lower else '100'} if not output or output in references else {'100' if lower else '0'}\n"
        f"errors.higher_is_better = {not lower}\n"
        "errors.scale = 100\n"
    )
    metric = f"{file}:errors"
    best = 0 if lower else 100
    base = [record(i, best, metric, output=f"right{i}") for i in range(300)]
    tuned = [
        replace(r, scores={metric: ItemScore(None)}, answer=Answer(r.item_id)) if i < 100 else r
        for i, r in enumerate(base)
    ]
    report = judge(ability(metric=metric, declared=True), base, tuned)
    assert isinstance(report.drop, Interval)
    assert report.drop.high > 30
    assert report.verdict != "kept"


def test_a_way_in_which_a_lower_score_is_better_shows_no_ability_by_a_high_one(tmp_path):
    file = tmp_path / "my.py"
    file.write_text(
        "def errors(output, references, example):\n"
        "    return 0 if output in references else 100\n"
        "errors.higher_is_better = False\nerrors.scale = 100\n"
    )
    metric = f"{file}:errors"

    def side(wrong):
        return [
            record(i, 100 if i in wrong else 0, metric, output=f"wrong{i}" if i in wrong else f"right{i}")
            for i in range(200)
        ]

    base, tuned = side(range(10)), side(range(120))
    cannot = side(range(195))
    found = diagnose(ability(metric=metric, declared=True), base, tuned, {"template-2": (cannot, cannot)})
    assert found.broke != "format"
    found = diagnose(ability(metric=metric, declared=True), base, tuned, {"template-2": (base, base)})
    assert found.broke == "format"
