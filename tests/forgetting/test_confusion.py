"""Tables of what is taken for what, counted by hand."""

from dataclasses import replace

import pytest

from keeptune.forgetting.confusion import confuse
from keeptune.records import Answer, Confusion, EvalRecord, from_plain, to_plain


def record(number, *references, output=None, choices=(), likelihoods=(), tokens=()):
    answer = Answer(f"i{number}", output, choice_loglikelihoods=likelihoods, choice_tokens=tokens)
    return EvalRecord(f"i{number}", f"i{number}", "ask", references, choices, answer, {})


def entities(rows):
    return [record(i, reference, output=output) for i, (reference, output) in enumerate(rows)]


def counts(table):
    return {(c.reference, c.given): (c.base, c.tuned, c.item_ids) for c in table.cells}


def test_entities_are_matched_by_name():
    references = ["person: Ann; location: Oslo", "group: Jets; person: Bo", "none", "location: Rome"]
    base = entities(zip(references, references, strict=True))
    given = [
        "person: Ann; group: Oslo",  # another type
        "group: Jets",  # one missed
        "product: Zed",  # one invented, of a type that no reference has
        "I cannot tell",  # unreadable: its entity is missed
    ]
    table = confuse("ner", base, entities(zip(references, given, strict=True)), "entity_f1")
    assert (table.of, table.labels) == ("entity types", ("group", "location", "person", "product"))
    assert counts(table) == {
        ("group", "group"): (1, 1, ()),
        ("location", "group"): (0, 1, ("i0",)),
        ("location", "location"): (2, 0, ()),
        ("location", "(missed)"): (0, 1, ("i3",)),
        ("person", "person"): (2, 1, ()),
        ("person", "(missed)"): (0, 1, ("i1",)),
        ("(invented)", "product"): (0, 1, ("i2",)),
    }
    assert from_plain(Confusion, to_plain(table)) == table


def test_a_name_that_occurs_twice_is_matched_twice():
    reference = "person: Paris; location: Paris; location: Paris"
    base = entities([(reference, reference)])
    tuned = entities([(reference, "location: Paris; group: Paris")])
    assert counts(confuse("ner", base, tuned, "entity_f1")) == {
        ("location", "location"): (2, 1, ()),
        ("location", "group"): (0, 1, ("i0",)),
        ("person", "person"): (1, 0, ()),
        ("person", "(missed)"): (0, 1, ("i0",)),
    }


def test_of_several_references_the_nearest_counts():
    rows = [record(0, "person: Ann", "location: Ann", output=o) for o in ("person: Ann", "location: Ann")]
    table = confuse("ner", rows[:1], rows[1:], "entity_f1")
    assert all(c.reference == c.given for c in table.cells)


def test_form_does_not_matter_to_the_table():
    base = entities([("person: Ann", "person: Ann")])
    tuned = entities([("person: Ann", "- Ann (person)")])
    assert counts(confuse("ner", base, tuned, "entity_f1_strict")) == {("person", "person"): (1, 1, ())}


def test_many_types_that_no_reference_has_are_put_together():
    reference = "person: Ann"
    base = entities([(reference, reference)] * 70)
    tuned = entities([(reference, f"kind {'abcdefghij'[i // 10]}{'abcdefghij'[i % 10]}: Ann") for i in range(70)])
    table = confuse("ner", base, tuned, "entity_f1")
    assert table.labels == ("person", "(other)")
    assert counts(table)["person", "(other)"][:2] == (0, 70)


def test_more_than_sixty_types_are_no_table():
    references = [f"kind {'abcdefghij'[i // 10]}{'abcdefghij'[i % 10]}: Ann" for i in range(61)]
    rows = entities(zip(references, references, strict=True))
    assert confuse("ner", rows, rows, "entity_f1") is None
    assert len(confuse("ner", rows[:60], rows[:60], "entity_f1").labels) == 60


def labels(outputs, references=("yes", "no", "yes", "no")):
    return [
        record(i, reference, output=output, choices=("yes", "no"))
        for i, (reference, output) in enumerate(zip(references, outputs, strict=True))
    ]


def test_labels_are_read_from_the_text():
    base, tuned = labels(["yes", "no", "yes", "yes"]), labels(["no", "no", "The answer is no.", "cannot say"])
    table = confuse("it", base, tuned, "label_accuracy")
    assert (table.of, table.labels) == ("labels", ("yes", "no"))
    assert counts(table) == {
        ("yes", "yes"): (2, 0, ()),
        ("yes", "no"): (0, 2, ("i0", "i2")),
        ("no", "yes"): (1, 0, ()),
        ("no", "no"): (1, 1, ()),
        ("no", "(unreadable)"): (0, 1, ("i3",)),
    }


@pytest.mark.parametrize(("metric", "given"), [("choice_accuracy", "no"), ("choice_accuracy_norm", "yes")])
def test_labels_are_read_from_likelihoods_raw_or_by_token(metric, given):
    base = [record(0, "yes", choices=("yes", "no"), likelihoods=(-1.0, -9.0), tokens=(1, 1))]
    tuned = [record(0, "yes", choices=("yes", "no"), likelihoods=(-4.0, -3.0), tokens=(4, 1))]
    assert counts(confuse("it", base, tuned, metric))["yes", given][1] == 1


def test_the_metric_says_which_answer_is_read():
    row = record(0, "yes", output="yes", choices=("yes", "no"), likelihoods=(-9.0, -1.0), tokens=(1, 1))
    assert counts(confuse("it", [row], [row], "label_accuracy")) == {("yes", "yes"): (1, 1, ())}
    assert counts(confuse("it", [row], [row], "choice_accuracy")) == {("yes", "no"): (1, 1, ())}
    silent = replace(row, answer=replace(row.answer, output=None))
    assert counts(confuse("it", [silent], [silent], "label_accuracy")) == {("yes", "no"): (1, 1, ())}


def test_a_tie_is_not_the_right_label():
    row = record(0, "yes", choices=("yes", "no"), likelihoods=(-1.0, -1.0), tokens=(1, 1))
    assert counts(confuse("it", [row], [row], "choice_accuracy")) == {("yes", "no"): (1, 1, ())}


def test_of_several_right_labels_the_given_one_counts():
    rows = [record(0, "yes", "maybe", output=o, choices=("yes", "maybe", "no")) for o in ("maybe", "no")]
    table = confuse("it", rows[:1], rows[1:], "label_accuracy")
    assert counts(table) == {("yes", "no"): (0, 1, ("i0",)), ("maybe", "maybe"): (1, 0, ())}


def test_choices_of_each_item_alone_are_no_table():
    quiz = [record(i, f"a{i}", output=f"a{i}", choices=tuple(f"{x}{i}" for x in "abcd")) for i in range(14)]
    assert confuse("quiz", quiz, quiz, "label_accuracy") is None
    many = tuple(f"intent {i}" for i in range(61))
    wide = [record(i, many[0], output="x", choices=many) for i in range(3)]
    assert confuse("wide", wide, wide, "label_accuracy") is None


def test_letters_are_labels_even_where_an_item_offers_fewer():
    rows = [record(i, "A", output="B", choices=tuple("ABCDE"[: 3 + i % 3])) for i in range(9)]
    assert confuse("quiz", rows, rows, "label_accuracy").labels == ("A", "B", "C", "D", "E")


def test_neither_entities_nor_labels_is_no_table():
    rows = [record(0, "x", output="y")]
    assert confuse("qa", rows, rows, "exact_match") is None
    assert confuse("qa", [], [], "exact_match") is None
    assert confuse("ner", [], [], "entity_f1") is None


def test_items_without_an_answer_on_either_side_are_left_out():
    base, tuned = labels(["yes", "no", "yes", "no"]), labels(["yes", None, "yes", "no"])
    assert sum(c.base for c in confuse("it", base, tuned, "label_accuracy").cells) == 3
