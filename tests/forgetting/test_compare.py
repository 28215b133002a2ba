"""Pairing and comparison from records alone."""

import random
from dataclasses import replace

import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st

from keeptune.errors import MetricError, PairingError
from keeptune.forgetting.compare import compare, pair
from keeptune.records import Answer, EvalRecord, Example, Interval, ItemScore, Undefined
from keeptune.scoring.table import METRICS
from keeptune.statistics.tango import tango_interval

EXACT, F1, BLEU, ENTITY = (METRICS[n] for n in ("exact_match", "token_f1", "bleu", "entity_f1"))


def record(i, output, metric=EXACT, reference="right", cluster=None):
    example = Example(f"i{i}", (), reference, (reference,), group=cluster or "")
    answer = Answer(example.id, output)
    return EvalRecord(
        example.id,
        example.cluster,
        "ask",
        example.references,
        (),
        answer,
        {metric.name: metric.item(answer, example)},
    )


def records(outputs, metric=EXACT, **more):
    return [record(i, output, metric, **more) for i, output in enumerate(outputs)]


def test_pairs_are_joined_by_id_whatever_the_order():
    base, tuned = records(["a", "b", "c"]), records(["d", "e", "f"])
    pairs = pair(base, tuned[::-1])
    assert [(b.answer.output, t.answer.output) for b, t in pairs] == [("a", "d"), ("b", "e"), ("c", "f")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[:2], "item i2 was not answered after"),
        (lambda rows: [*rows, record(9, "x")], "item i9 was not answered before"),
        (lambda rows: [*rows, rows[1]], "item i1 occurs 2 times after"),
        (lambda rows: [rows[0], replace(rows[1], prompt="other"), rows[2]], "item i1: different prompt"),
        (
            lambda rows: [rows[0], replace(rows[1], references=("z",)), rows[2]],
            "item i1: different references",
        ),
        (lambda rows: [rows[0], replace(rows[1], choices=("z",)), rows[2]], "item i1: different choices"),
        (lambda rows: [rows[0], replace(rows[1], cluster="z"), rows[2]], "item i1: different cluster"),
    ],
)
def test_any_mismatch_names_the_item(change, message):
    rows = records(["a", "b", "c"])
    with pytest.raises(PairingError, match=message):
        pair(rows, change(rows))


def test_binary_and_independent_is_tango_in_points():
    base = records(["right"] * 60 + ["wrong"] * 40)
    tuned = records(["wrong"] * 8 + ["right"] * 52 + ["right"] * 15 + ["wrong"] * 25)
    result = compare(base, tuned, EXACT, "base", "lora")
    assert (result.before, result.after) == (60, 67)
    assert (result.rose, result.fell, result.unchanged, result.items) == (15, 8, 77, 100)
    assert (result.before_name, result.after_name, result.clusters) == ("base", "lora", 100)
    fraction = tango_interval(15, 8, 100)
    assert result.difference.estimate == pytest.approx(7)
    assert result.difference.low == pytest.approx(100 * fraction.low)
    assert result.difference.high == pytest.approx(100 * fraction.high)
    assert result.difference.method == "Tango score interval"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_equals_a_brute_force_paired_count(flips):
    base = records(["right" if b else "wrong" for b, _ in flips])
    tuned = records(["right" if t else "wrong" for _, t in flips])
    result = compare(base, tuned, EXACT)
    assert result.rose == sum(t and not b for b, t in flips)
    assert result.fell == sum(b and not t for b, t in flips)
    assert result.difference.estimate == pytest.approx(result.after - result.before)
    assert result.difference.estimate == pytest.approx(100 * sum(t - b for b, t in flips) / len(flips))


@pytest.mark.parametrize("metric", [EXACT, F1, BLEU])
def test_identical_answers_differ_by_nothing(metric):
    rows = records([f"some right words {i}" for i in range(40)], metric, reference="some right words here")
    result = compare(rows, rows, metric)
    assert (result.rose, result.fell, result.unchanged) == (0, 0, 40)
    assert result.difference.estimate == 0
    assert result.before == result.after
    assert result.difference.low <= 0 <= result.difference.high


def test_clusters_count_by_their_design_effect():
    def rows(outputs):
        return [record(i, output, cluster=f"g{i // 2}") for i, output in enumerate(outputs)]

    result = compare(rows(["right"] * 80), rows(["right", "wrong"] * 40), EXACT)
    assert (result.items, result.clusters) == (80, 40)
    assert result.difference.estimate == pytest.approx(-50)
    assert result.difference.method == "Tango score interval, clustered"


def test_a_corpus_metric_is_recomputed_not_averaged():
    rng = random.Random(0)
    words = ["the", "cat", "sat", "on", "a", "mat", "and", "it", "was", "not", "dog", "that", "ran"]
    references = [" ".join(rng.choices(words, k=9)) for _ in range(40)]

    def outputs(errors):
        return [" ".join(w if rng.random() > errors else "zzz" for w in r.split()) for r in references]

    before, after = outputs(0.3), outputs(0.1)
    base = [record(i, o, BLEU, r) for i, (o, r) in enumerate(zip(before, references, strict=True))]
    tuned = [record(i, o, BLEU, r) for i, (o, r) in enumerate(zip(after, references, strict=True))]
    result = compare(base, tuned, BLEU)
    assert result.before == pytest.approx(sacrebleu.corpus_bleu(before, [references]).score)
    assert result.after == pytest.approx(sacrebleu.corpus_bleu(after, [references]).score)

    def without(j, texts):
        keep = [i for i in range(40) if i != j]
        return sacrebleu.corpus_bleu([texts[i] for i in keep], [[references[i] for i in keep]]).score

    left_out = [without(j, after) - without(j, before) for j in range(40)]
    centre = sum(left_out) / 40
    error = (39 / 40 * sum((x - centre) ** 2 for x in left_out)) ** 0.5
    t = 2.0226909  # 97.5 % of Student t, 39 degrees of freedom
    assert result.difference.high - result.difference.estimate == pytest.approx(t * error, rel=0.1)


def test_unscored_items_are_left_out_on_both_sides_and_told():
    base = records(["right", "wrong", None, "right"])
    tuned = records(["right", None, "right", "right"])
    result = compare(base, tuned, EXACT)
    assert (result.items, result.before, result.after) == (2, 100, 100)
    assert isinstance(result.difference, Interval)
    assert result.difference.method.startswith("2 of 4 items without a score left out; ")


def test_one_cluster_has_a_difference_but_no_interval():
    result = compare(records(["a b"], F1, reference="a b c"), records(["b c"], F1, reference="a b c"), F1)
    assert isinstance(result.difference, Undefined)
    assert result.rose + result.fell + result.unchanged == 1


def test_losses_are_in_nats_and_say_their_direction():
    loss = METRICS["token_loss"]

    def rows(values):
        return [
            replace(record(i, "x"), scores={"token_loss": ItemScore(v, {"nats": v * 10, "tokens": 10.0})})
            for i, v in enumerate(values)
        ]

    result = compare(rows([1.0, 2.0, 3.0]), rows([0.5, 1.5, 3.5]), loss)
    assert result.difference.estimate == pytest.approx(-0.5 / 3)
    assert (result.rose, result.fell, result.higher_is_better) == (1, 2, False)


def test_what_cannot_be_compared_is_an_error():
    with pytest.raises(MetricError, match="item i0 was not scored by token_f1"):
        compare(records(["a"]), records(["a"]), F1)
    with pytest.raises(MetricError, match="none of the 0 items"):
        compare(records([None]), records(["a"]), EXACT)
    none = records(["none"] * 3, ENTITY, reference="none")
    with pytest.raises(MetricError, match="entity_f1 of base is undefined"):
        compare(none, none, ENTITY)
