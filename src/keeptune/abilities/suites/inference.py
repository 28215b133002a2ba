"""Inference: does a statement follow from a sentence?

Each cluster is one sentence with a statement that follows from it and one that does not, with several pairs of
names.
"""

from __future__ import annotations

from dataclasses import dataclass

from keeptune.abilities.suite import Item, Suite, shown, shuffled
from keeptune.abilities.table import SUITES
from keeptune.texts import read_texts

CHOICES = ("yes", "no")
FILLINGS = 3


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence, a statement that follows from it, and one that does not."""

    premise: str
    follows: str
    does_not: str


@dataclass(frozen=True, slots=True)
class Texts:
    names: tuple[str, ...]
    texts: tuple[Text, ...]


def make() -> list[Item]:
    """Both statements with `FILLINGS` pairs of names, or once where the premise holds no name."""
    read = read_texts("abilities/texts/inference.yaml", Texts)
    items = []
    for text in read.texts:
        for number in range(FILLINGS if "{a}" in text.premise else 1):
            a, b = shuffled(read.names, text.premise)[2 * number : 2 * number + 2]
            for answer, statement in zip(CHOICES, (text.follows, text.does_not), strict=True):
                fields = {"premise": text.premise.format(a=a, b=b), "statement": statement.format(a=a, b=b)}
                items.append(Item(fields, answer, text.premise, CHOICES))
    return items


INFERENCE = Suite(
    name="inference",
    title="natural language inference",
    version="1",
    templates=(
        "{premise} Does it follow that this is true: {statement} Answer yes or no.",
        "{premise}\n\nTrue or not? {statement} Answer yes or no.",
        "Premise: {premise}\nStatement: {statement}\n\nDoes the statement follow from the premise, yes or no?",
    ),
    output_type="choices",
    demonstrations=(
        shown("yes", premise="Ruth bought four pears.", statement="Ruth bought some fruit."),
        shown("no", premise="The gate is locked.", statement="The gate is open."),
        shown("no", premise="Leo forgot to post the letter.", statement="Leo posted the letter."),
        shown("yes", premise="Every room has a fan.", statement="There is a fan in the bedroom."),
    ),
    metrics=("choice_accuracy",),
    chance=50.0,
    make=make,
)
SUITES.add(INFERENCE.name, INFERENCE)
