"""Inference: does a statement follow from a sentence?

Each cluster is one sentence with a statement that follows from it and one that does not, with several pairs of
names.
"""

from __future__ import annotations

from keeptune.abilities.inference_texts import NAMES, TEXTS
from keeptune.abilities.suite import Item, Suite, shuffled

CHOICES = ("yes", "no")
FILLINGS = 3


def make() -> list[Item]:
    """Both statements with `FILLINGS` pairs of names, or once where the premise holds no name."""
    items = []
    for premise, follows, does_not in TEXTS:
        for number in range(FILLINGS if "{a}" in premise else 1):
            a, b = shuffled(NAMES, premise)[2 * number : 2 * number + 2]
            for answer, statement in zip(CHOICES, (follows, does_not), strict=True):
                fields = {"premise": premise.format(a=a, b=b), "statement": statement.format(a=a, b=b)}
                items.append(Item(fields, answer, premise, CHOICES))
    return items


def _demonstration(premise: str, statement: str, answer: str) -> Item:
    return Item({"premise": premise, "statement": statement}, answer, "demo")


INFERENCE = Suite(
    name="inference",
    title="seeing what follows from a sentence",
    version="1",
    templates=(
        "{premise} Does it follow that this is true: {statement} Answer yes or no.",
        "{premise}\n\nTrue or not? {statement} Answer yes or no.",
        "Premise: {premise}\nStatement: {statement}\n\nDoes the statement follow from the premise, yes or no?",
    ),
    output_type="choices",
    demonstrations=(
        _demonstration("Ruth bought four pears.", "Ruth bought some fruit.", "yes"),
        _demonstration("The gate is locked.", "The gate is open.", "no"),
        _demonstration("Leo forgot to post the letter.", "Leo posted the letter.", "no"),
        _demonstration("Every room has a fan.", "There is a fan in the bedroom.", "yes"),
    ),
    metrics=("choice_accuracy",),
    chance=50.0,
    make=make,
)
