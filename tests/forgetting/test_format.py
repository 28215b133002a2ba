"""Format or knowledge: parsings, other ways of asking, floors and the recovery probe."""

import random
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from planted import LABELS, ability, again, answers, entities, labels, pick, ranked

from keeptune.errors import PairingError
from keeptune.forgetting.contained import CONTAINED
from keeptune.forgetting.drop import binary_drop
from keeptune.forgetting.format import diagnose
from keeptune.forgetting.parsings import form_drop, lenient_floor, read_by, strict_and_lenient
from keeptune.records import (
    Answer,
    Diagnosis,
    EvalRecord,
    Example,
    Interval,
    Undefined,
    from_plain,
    to_plain,
)
from keeptune.scoring.table import get_metric

CHANCE = 100 / 3
HARNESS = ("lm-eval:em,strict-match", "lm-eval:em,flexible-extract")
STRICT, LENIENT = (get_metric(name) for name in ("label_accuracy_strict", "label_accuracy"))


def ids(records):
    return [r.item_id for r in records]


def prose(r):
    return f"I would call this {r.answer.output}, I think."


def next_label(r):
    return LABELS[(LABELS.index(r.answer.output) + 1) % 3]


def with_loss(records, nats, spread=0.0):
    """The records with a likelihood of the reference of their own, 4 tokens each."""
    loss = get_metric("token_loss")
    rows = []
    for i, r in enumerate(records):
        own = 4 * (nats + spread * (i % 7 - 3))
        answer = replace(r.answer, reference_loglikelihood=-own, reference_tokens=4)
        scores = {**r.scores, "token_loss": loss.item(answer, Example(r.item_id, (), r.references[0]))}
        rows.append(replace(r, answer=answer, scores=scores))
    return rows


@pytest.mark.parametrize(
    ("metric", "scores", "pair"),
    [
        ("label_accuracy", ("label_accuracy", "label_accuracy_strict"), ("label_accuracy_strict", "label_accuracy")),
        ("json_match_strict", ("json_match", "json_match_strict"), ("json_match_strict", "json_match")),
        ("exact_match", ("exact_match",), ("exact_match", "contained")),
        ("token_f1", ("token_f1", "exact_match"), ("exact_match", "contained")),
        ("lm-eval:em,strict-match", HARNESS, HARNESS),
        ("lm-eval:em,flexible-extract", HARNESS, HARNESS),
        ("lm-eval:em,none", HARNESS, None),
        ("label_accuracy", ("label_accuracy",), None),
        ("rouge1", ("rouge1", "exact_match"), None),
    ],
)
def test_which_two_parsings_belong_together(metric, scores, pair):
    rows = [EvalRecord("i", "i", "p", ("r",), (), Answer("i", "o"), dict.fromkeys(scores))]
    found = strict_and_lenient(metric, rows)
    assert (found and tuple(reading.name for reading in found)) == pair


@pytest.mark.parametrize(
    ("output", "value"),
    [
        ("Oslo", 100),
        ("It is Oslo, in Norway.", 100),
        ("the oslo", 100),
        ("Oslofjord", 0),
        ("", 0),
        ("New York", 100),
        ("York, the new one", 0),
    ],
)
def test_contained_means_whole_words_in_a_row(output, value):
    example = Example("i", (), "Oslo", ("Oslo", "New York"))
    assert CONTAINED.item(Answer("i", output), example).value == value
    assert CONTAINED.item(Answer("i"), example).value is None


@pytest.mark.parametrize(("output", "value"), [("B", 0), ("- .", 100), (" -  . ", 0), ("the", 0), ("it is a", 100)])
def test_a_reference_of_which_nothing_is_left_is_contained_as_it_is(output, value):
    example = Example("i", (), "- .", ("- .", "a"))
    assert CONTAINED.item(Answer("i", output), example).value == value


def test_the_form_part_is_the_difference_of_the_drops_item_by_item():
    """20 labels: strictly 12 → 3 right, leniently 14 → 11: 9 − 3 = 6 more were lost in form alone."""
    right, other = "positive", "negative"
    rows = [r for r in labels(60) if r.references == (right,)]
    base = [*[right] * 12, *[f"It is {right}."] * 2, *[other] * 6]
    tuned = [*[right] * 3, *[f"It is {right}."] * 8, *[other] * 9]
    both = [again([r], lambda r, o=o: o)[0] for r, o in zip(rows, base, strict=True)]
    after = [again([r], lambda r, o=o: o)[0] for r, o in zip(rows, tuned, strict=True)]
    found = form_drop(list(zip(both, after, strict=True)), STRICT, LENIENT)
    assert found.estimate == pytest.approx(100 * 6 / 20)
    assert found.method == "Tango score interval"


def test_of_entities_it_is_the_difference_of_corpus_scores():
    base = entities(60)
    tuned = again(base, lambda r: f"- {r.answer.output}", pick("x", 0.5, ids(base)))
    found = diagnose(ability(base), base, tuned, {})
    strict, lenient = found.variants
    assert strict.metric == "entity_f1_strict"
    assert found.format_drop.estimate == pytest.approx((strict.base - strict.tuned) - (lenient.base - lenient.tuned))
    assert found.format_drop.method.startswith("cluster jackknife")


def test_the_floor_of_labels_is_chance_and_that_of_a_babbler_is_high():
    rows = labels(300)
    assert lenient_floor(rows, LENIENT) == pytest.approx(CHANCE, abs=4)
    questions = [replace(r, references=(f"answer {i % 4}",)) for i, r in enumerate(answers(80))]
    babble = again(questions, lambda r: "answer 0 or answer 1 or answer 2 or answer 3")
    assert lenient_floor(babble, CONTAINED) == 100
    assert lenient_floor(again(questions, lambda r: "answer 1"), CONTAINED) == pytest.approx(25, abs=10)


def test_no_item_is_given_a_reference_of_its_own_cluster():
    rows = [replace(r, cluster=f"c{i // 5}", references=(f"word{i // 5}",)) for i, r in enumerate(answers(50))]
    copies = again(rows, lambda r: r.references[0])
    assert lenient_floor(copies, CONTAINED) == 0
    assert lenient_floor([replace(r, cluster="one") for r in copies], CONTAINED) is None
    assert lenient_floor([], CONTAINED) is None


def test_each_items_own_choices_are_shuffled_by_place():
    rows = [
        replace(r, choices=(f"a{i}", f"b{i}"), references=("ab"[i % 2] + str(i),)) for i, r in enumerate(labels(200))
    ]
    assert lenient_floor(again(rows, lambda r: r.references[0]), LENIENT) == pytest.approx(50, abs=8)


def test_a_lenient_reading_that_accepts_anything_keeps_nothing():
    """Every tuned answer names all the references: each is contained, and that means nothing."""
    base = [replace(r, references=(f"answer {i % 4}",)) for i, r in enumerate(answers(200))]
    base = again(base, lambda r: r.references[0])
    tuned = again(base, lambda r: ", ".join(f"answer {(int(r.item_id[3:]) + i) % 4}" for i in range(4)))
    found = diagnose(ability(base), base, tuned, {})
    assert (found.lenient_floor, found.variants[1].drop.estimate) == (100, 0)
    assert found.broke == "unclear"
    assert "the base shows the ability in no other variant" in found.text


def test_another_template_that_keeps_it_is_format():
    base, tuned = labels(), again(labels(), next_label, pick("w", 0.6, ids(labels())))
    found = diagnose(
        ability(base, chance=CHANCE), base, tuned, {"template-1": (base, tuned), "template-2": (base, base)}
    )
    assert found.broke == "format"
    assert "in the variant template-2 (change " in found.text
    assert "template-1" not in found.text


def test_a_way_in_which_the_base_cannot_do_it_keeps_nothing():
    base, tuned = labels(), again(labels(), next_label, pick("w", 0.6, ids(labels())))
    guess = again(base, lambda r: LABELS[int(r.item_id[-1]) % 3])
    found = diagnose(ability(base, chance=CHANCE), base, tuned, {"free": (guess, guess), "template-1": (base, tuned)})
    assert found.broke == "knowledge"
    assert "free" not in found.text
    assert [row.name for row in found.variants] == ["strict", "lenient", "free", "template-1"]
    assert diagnose(ability(base, chance=CHANCE), base, tuned, {}).broke == "unclear"


@pytest.mark.parametrize("nats", [0.5, 1.01, 1.5])
@pytest.mark.parametrize("damage", ["chance", "inverted"])
def test_a_likelihood_without_foils_proves_nothing(nats, damage):
    """Training makes every text of the form likelier, right or wrong: 90 → 33 and 90 → 8 are no broken form."""
    rng = random.Random(0)
    base = with_loss(labels(), 1.0)
    wrong = next_label if damage == "inverted" else lambda r: rng.choice(LABELS)
    tuned = with_loss(again(labels(), wrong), nats, 0.05)
    found = diagnose(ability(labels(), chance=CHANCE), base, tuned, {})
    assert found.broke == ("permuted labels" if damage == "inverted" else "unclear")
    assert [row.name for row in found.variants if row.name == "token_loss"] == []
    foils = {"foils": (ranked(base), ranked(base, pick("foils", 1 / 3, ids(base))))}
    assert diagnose(ability(labels(), chance=CHANCE), base, tuned, foils).broke != "format"


def story(r):
    return f"The {' '.join(r.prompt.split()[4:7])} was told by someone who had heard {r.item_id} of it and went away."


@pytest.mark.parametrize(
    ("write", "still_first", "broke"),
    [
        (story, 1.0, "format"),
        (story, 0.4, "both"),
        (story, 0.95, "unclear"),
        (lambda r: f"vase {r.item_id[3:]}", 1.0, "unclear"),
        (lambda r: f"vase {r.item_id[3:]}", 0.4, "knowledge"),
    ],
)
def test_the_reference_is_ranked_among_foils(write, still_first, broke):
    """Kept among foils is format only where the answers have lost the form; lost among them as well, knowledge."""
    base = answers(300)
    tuned = again(base, write)
    foils = {"foils": (ranked(base), ranked(base, pick("foils", still_first, ids(base))))}
    found = diagnose(ability(base), base, tuned, foils)
    assert (found.broke, found.variants[-1].name) == (broke, "foils"), found.text
    assert diagnose(ability(base), base, tuned, {}).broke == "unclear"


def test_foils_that_a_guesser_beats_keep_nothing():
    """Half of the references are one and the same: who always takes it is right in most items."""
    base = [replace(r, references=("none here",)) if i % 2 else r for i, r in enumerate(answers(300))]
    base = again(base, lambda r: r.references[0])
    always = frozenset(r.item_id for r in base if r.references[0] == "none here")
    tuned = again(base, story)
    found = diagnose(ability(base), base, tuned, {"foils": (ranked(base, always), ranked(base, always))})
    assert found.broke == "unclear"


def test_the_more_ways_are_tried_the_surer_each_must_be():
    """Six of 300 fell: kept if that is the one other way, undecided if it is one of six."""
    base = labels(300)
    asked = again(base, next_label, pick("w", 0.5, ids(base)))
    close = again(base, next_label, frozenset([r.item_id for r in base if r.scores["label_accuracy"].value][:6]))
    one = {"template-1": (base, close)}
    six = {f"template-{n}": (base, asked) for n in range(2, 8)}
    single = [replace(r, scores={"label_accuracy": r.scores["label_accuracy"]}) for r in base]
    lost = [replace(r, scores={"label_accuracy": r.scores["label_accuracy"]}) for r in asked]
    assert diagnose(ability(single, chance=CHANCE), single, lost, one).broke == "format"
    assert diagnose(ability(single, chance=CHANCE), single, lost, one | six).broke == "unclear"


def test_six_ways_that_lost_the_margin_are_seldom_called_kept():
    """Any of six is found kept no more often than one alone may be: 2.5 %; at 95 % each it is five times that."""
    rng = np.random.default_rng(0)
    fell, rose = rng.binomial(400, 0.1, (400, 6)), rng.binomial(400, 0.05, (400, 6))

    @lru_cache
    def kept(worse, better, level):
        return binary_drop(worse, better, 400, 5.0, level).verdict(5.0) == "kept"

    def any_kept(level):
        return np.mean([any(map(kept, f, r, [level] * 6)) for f, r in zip(fell.tolist(), rose.tolist(), strict=True)])

    assert any_kept(1 - 0.05 / 6) < 0.04 < 0.08 < any_kept(0.95)


def test_likelihoods_are_read_in_one_way_and_asked_in_others():
    def chosen(shift):
        metric = get_metric("choice_accuracy")
        rows = []
        for i, r in enumerate(labels()):
            best = (i + (shift if i % 2 else 0)) % 3
            values = tuple(-1.0 if c == best else -3.0 for c in range(3))
            answer = Answer(r.item_id, choice_loglikelihoods=values, choice_tokens=(1, 1, 1))
            example = Example(r.item_id, (), r.references[0], r.references, r.choices)
            rows.append(replace(r, answer=answer, scores={"choice_accuracy": metric.item(answer, example)}))
        return rows

    base, tuned = chosen(0), chosen(1)
    free = (labels(), again(labels(), next_label, pick("w", 0.6, ids(labels()))))
    found = diagnose(ability(base, chance=CHANCE), base, tuned, {"free": free})
    assert [(row.name, row.metric) for row in found.variants] == [
        ("as asked", "choice_accuracy"),
        ("free", "label_accuracy"),
    ]
    assert (found.broke, found.lenient_floor) == ("knowledge", None)
    assert isinstance(found.format_drop, Undefined)
    assert found.variants[0].drop.estimate == pytest.approx(50)


def test_no_other_way_is_unclear_and_a_recovery_probe_may_decide():
    base = labels()
    tuned = again(base, next_label, pick("w", 0.6, ids(base)))
    base, tuned = (
        [replace(r, scores={"label_accuracy": r.scores["label_accuracy"]}) for r in side] for side in (base, tuned)
    )
    it = ability(base, chance=CHANCE)
    back, little = Interval(52.0, 49.0, 55.0, 0.95, "m"), Interval(4.0, 1.0, 8.0, 0.95, "m")
    assert diagnose(it, base, tuned, {}).broke == "unclear"
    assert diagnose(it, base, tuned, {}, recovery=little).broke == "unclear"
    assert diagnose(it, base, tuned, {}, recovery=back).broke == "format"
    found = diagnose(it, base, tuned, {}, recovery=back, control=little)
    assert (found.broke, found.recovery, found.recovery_control) == ("format", back, little)
    assert diagnose(it, base, tuned, {}, recovery=back, control=back).broke == "unclear"
    assert diagnose(it, base, tuned, {}, recovery=Undefined("not run")).broke == "unclear"


def test_few_items_do_not_decide():
    base = labels(36)
    tuned = again(base, lambda r: prose(r) if r.item_id.endswith(("1", "2", "3", "4")) else r.answer.output)
    found = diagnose(ability(base, chance=CHANCE), base, tuned, {})
    assert found.broke == "unclear"


def test_a_variant_that_could_not_be_scored_has_no_row():
    base, tuned = labels(), again(labels(), prose)
    silent = [replace(r, answer=Answer(r.item_id)) for r in base]
    silent = [replace(r, scores={"label_accuracy": LENIENT.item(r.answer, None)}) for r in silent]
    found = diagnose(ability(base, chance=CHANCE), base, tuned, {"free": (silent, silent)})
    assert [row.name for row in found.variants] == ["strict", "lenient"]


def test_reading_again_leaves_what_was_scored_alone():
    rows = answers(5)
    again_read = read_by(rows, CONTAINED)
    assert [set(r.scores) for r in again_read] == [{"exact_match", "token_f1", "contained"}] * 5
    assert read_by(again_read, CONTAINED) == again_read


def test_it_is_kept_whole_and_pairs_are_checked():
    base, tuned = labels(), again(labels(), prose)
    found = diagnose(ability(base, chance=CHANCE), base, tuned, {"template-1": (base, tuned)})
    assert from_plain(Diagnosis, to_plain(found)) == found
    assert found.text == (
        "The format broke, not the knowledge. In the original variant it lost 91.7 points, yet it is kept with lenient "
        "parsing (change −1.3 to +1.3 points) and in the variant template-1 (change −1.3 to +1.3 points)."
    )
    with pytest.raises(PairingError, match="label/0"):
        diagnose(ability(base), base, tuned, {"template-1": (base, tuned[1:])})
