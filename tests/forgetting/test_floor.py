"""The floor of every metric: the best score that takes no ability."""

import random
from dataclasses import replace

import pytest
from planted import ability as ability_of
from planted import answers, entities, labels
from scored import ability, record

from keeptune.forgetting.floor import find_floor
from keeptune.forgetting.gate import decide
from keeptune.forgetting.shuffled import example_of, shuffles
from keeptune.forgetting.verdict import judge
from keeptune.records import Answer, EvalRecord, Example, ItemScore, Undefined
from keeptune.scoring.mean import mean_score
from keeptune.scoring.table import METRICS, get_metric


def test_four_exact_matches_of_400_cannot_be_kept():
    base = [record(i, 100 if i < 4 else 0) for i in range(400)]
    tuned = [record(i, 0) for i in range(400)]
    decision = decide([judge(ability(declared=True), base, tuned)])
    assert (decision.abilities[0].verdict, decision.gate) == ("not measurable", "inconclusive")


@pytest.mark.parametrize("metric", ["exact_match", "label_accuracy", "token_f1"])
def test_labels_by_the_toss_of_a_coin_cannot_be_kept(metric):
    rng = random.Random(1)
    wanted = [rng.choice(["good", "bad"]) for _ in range(600)]

    def tossed():
        said = [rng.choice(["good", "bad"]) for _ in wanted]
        return [
            record(i, 100 * (s == w), metric, s, reference=w, choices=("good", "bad") if "label" in metric else ())
            for i, (s, w) in enumerate(zip(said, wanted, strict=True))
        ]

    report = judge(ability(metric=metric, declared=True, margin=9.0), tossed(), tossed())
    assert report.verdict == "not measurable"
    assert "the floor of 5" in report.reason


def test_a_score_under_two_margins_cannot_be_kept():
    """Words in common with any text, as F1 has them: 3.8 points at a margin of 5 could never be lost."""
    rows = [
        EvalRecord(f"i{i}", f"i{i}", "ask", (f"a{i} b{i} the",), (), answer, {"token_f1": METRICS["token_f1"].item(
            answer, again_example(i))})
        for i in range(300)
        for answer in [Answer(f"i{i}", f"c{i} " * 20 + (f"a{i}" if i % 3 == 0 else ""))]
    ]  # fmt: skip
    report = judge(ability(metric="token_f1", declared=True), rows, rows)
    assert report.base < 10
    assert report.verdict == "not measurable"


def again_example(i):
    return Example(f"i{i}", (), f"a{i} b{i} the", (f"a{i} b{i} the",))


def test_shuffles_are_derangements_across_clusters_and_do_not_depend_on_the_order():
    rows = [record(i, 100, cluster=f"c{i % 7}") for i in range(50)]
    found = shuffles(rows)
    assert len(found) == 5
    for pairs in found:
        assert all(one.cluster != other.cluster for one, other in pairs)
        assert sorted(r.item_id for r, _ in pairs) == sorted(other.item_id for _, other in pairs)
    assert len({tuple(o.item_id for _, o in sorted(p, key=lambda x: x[0].item_id)) for p in found}) > 1
    assert shuffles(rows[::-1]) == found
    assert shuffles([replace(r, cluster="one") for r in rows[:30]] + rows[30:]) == []


def test_clusters_that_are_built_alike_do_not_meet_item_by_item():
    rows = [
        record(i, 100, "label_accuracy", word, f"c{i // 4}", reference=word, choices=("good", "bad"))
        for i, word in enumerate(["good", "bad", "bad", "good"] * 40)
    ]
    floor = find_floor(ability(metric="label_accuracy"), METRICS["label_accuracy"], rows)
    assert floor.value == pytest.approx(50, abs=6)


def test_every_able_base_is_above_the_best_guess():
    for rows, least, most in ((labels(), 33, 37), (answers(), 0, 1), (entities(), 0, 15)):
        floor = find_floor(ability_of(rows), get_metric(next(iter(rows[0].scores))), rows)
        assert least <= floor.value <= most
        report = judge(replace(ability_of(rows), declared=True), rows, rows)
        assert report.verdict != "not measurable", report.reason


def custom(tmp_path, body):
    file = tmp_path / "mine.py"
    file.write_text(f"def score(output, references, example):\n    return {body}\n", encoding="utf-8")
    return get_metric(f"{file}:score")


def scored(metric, texts, references):
    rows = [record(i, 0, output=t, reference=r) for i, (t, r) in enumerate(zip(texts, references, strict=True))]
    return [replace(r, scores={metric.name: metric.item(r.answer, example_of(r))}) for r in rows]


def test_a_metric_that_reads_no_reference_has_the_empty_answer_as_its_floor(tmp_path):
    metric = custom(tmp_path, "100.0 if output.startswith('{') else 10.0")
    rows = scored(metric, ["{}" if i % 10 else "no" for i in range(100)], [f"r{i}" for i in range(100)])
    floor = find_floor(ability(metric=metric.name), metric, rows)
    assert (floor.value, floor.named) == (10.0, "the empty answer")
    assert judge(ability(metric=metric.name, declared=True), rows, rows).verdict != "not measurable"


def test_of_a_loss_the_floor_is_a_guesser_who_reads_no_prompt():
    def rows(texts, nats):
        return [
            EvalRecord(f"i{i}", f"i{i}", "ask", (text,), (), Answer(f"i{i}", reference_loglikelihood=-nats,
                reference_tokens=2), {"token_loss": ItemScore(nats / 2, {"nats": nats, "tokens": 2.0})})
            for i, text in enumerate(texts)
        ]  # fmt: skip

    coins = ["good", "bad"] * 100
    metric, spec = METRICS["token_loss"], ability(metric="token_loss", output_type="loss", margin=0.05, declared=True)
    guess = find_floor(spec, metric, rows(coins, 0.7)).value
    assert guess == pytest.approx(0.693 / 2, abs=0.02), "ln 2 a label, two tokens each"
    assert judge(spec, rows(coins, 0.7), rows(coins, 0.7)).verdict == "not measurable"
    assert judge(spec, rows(coins, 0.2), rows(coins, 0.2)).verdict == "kept"
    texts = [f"{' '.join(random.Random(i).sample([*coins, 'river', 'stone', 'cloud'], 9))} {i}" for i in range(200)]
    assert find_floor(spec, metric, rows(texts, 20.0)).value > 30, "no text occurs twice: letter by letter"


def of_harness(metric, count, right, outputs=None, choices=()):
    return [
        EvalRecord(f"t/{i}", f"t/{i}", "q", (choices[i % len(choices)] if choices else f"{i}",), choices,
                   Answer(f"t/{i}", outputs(i) if outputs else None), {metric: mean_score(100.0 * right(i))})
        for i in range(count)
    ]  # fmt: skip


def test_what_the_harness_alone_can_score_has_no_floor_and_cannot_be_kept():
    unknown = of_harness("lm-eval:pass@1", 300, lambda i: i % 5 > 0, str)
    report = judge(ability(metric="lm-eval:pass@1", declared=True), unknown, unknown)
    assert report.verdict == "not measurable"
    assert "guesses have no score" in report.reason


def test_of_known_metrics_of_the_harness_ours_stand_in():
    exact = of_harness("lm-eval:exact_match", 300, lambda i: i % 5 > 0, lambda i: f"{i if i % 5 else 'x'}")
    assert judge(ability(metric="lm-eval:exact_match", declared=True), exact, exact).verdict == "kept"
    letters = of_harness("lm-eval:acc", 300, lambda i: i % 5 > 0, choices=("A", "B"))
    floor = find_floor(ability(metric="lm-eval:acc"), get_metric("lm-eval:acc"), letters)
    assert floor.value == 50
    no_answers = of_harness("lm-eval:exact_match", 300, lambda i: i % 5 > 0)
    assert isinstance(find_floor(ability(), get_metric("lm-eval:exact_match"), no_answers), Undefined)
