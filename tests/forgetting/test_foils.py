"""Foils have the reference's form, are as easily copied, and are not right."""

import pytest
from planted import answers, entities, example_of, labels

from keeptune.forgetting.foils import FOILS, with_foils
from keeptune.records import Example, Message

PASSAGE = "Text: Mary Hill sold the mill to Adam Stone in 1912, and Ruth Vale bought it in 1935. Nobody lived there."


def asked(number, question, answer):
    return Example(f"q{number}", (Message("user", f"Answer.\n\n{PASSAGE}\nQuestion: {question}"),), answer, (answer,))


def test_of_a_passage_they_are_of_the_same_passage():
    items = (asked(0, "Who sold it?", "Mary Hill"), asked(1, "Who bought it?", "Ruth Vale"), asked(2, "When?", "1935"))
    first, _, third = with_foils(items, "exact_match")
    assert "Ruth Vale" in first.choices
    assert all(choice in PASSAGE for choice in first.choices)
    assert set(third.choices) == {"1935", "1912"}
    assert first.references == ("Mary Hill",)


def test_entities_keep_their_names_and_change_their_types():
    for example in with_foils([example_of(r) for r in entities(20)], "entity_f1"):
        names = {choice: [part.split(": ")[1] for part in choice.split("; ")] for choice in example.choices}
        assert len({tuple(each) for each in names.values()}) == 1
        assert 1 < len(example.choices) <= FOILS + 1


def test_choices_are_their_own_foils():
    example = with_foils([example_of(r) for r in labels(9)], "label_accuracy")[0]
    assert set(example.choices) == {"positive", "negative", "neutral"}


@pytest.mark.parametrize(
    "items",
    [
        [example_of(r) for r in answers(1)][:0],
        [Example(f"s{i}", (Message("user", f"Sum up {i}."),), f"talk {i} " * 9, (f"talk {i} " * 9,)) for i in range(9)],
        [
            Example(f"j{i}", (Message("user", f"river {i}"),), f"the river is {i}", (f"the river is {i}",))
            for i in range(9)
        ],
    ],
    ids=["nothing", "long", "less copied"],
)
def test_without_fair_foils_there_are_none(items):
    assert with_foils(items, "exact_match") == ()


def test_they_are_always_the_same():
    items = [example_of(r) for r in answers(40)]
    assert with_foils(items, "exact_match") == with_foils(items, "exact_match")
    assert with_foils(items, "constraints") == ()
