"""Entity typing: is a name, in its sentence, a person, an organization, a place or a product?

Each cluster is one sentence with four names of its type.
"""

from __future__ import annotations

from functools import cache

from keeptune.abilities.suite import Item, Suite, shown, shuffled
from keeptune.abilities.table import SUITES
from keeptune.texts import read_texts

NAMES_A_TEXT = 5


@cache
def names() -> dict[str, tuple[str, ...]]:
    """Type → names."""
    return read_texts("abilities/texts/entity_names.yaml", dict[str, tuple[str, ...]])


def make() -> list[Item]:
    """`NAMES_A_TEXT` items a sentence."""
    sentences = read_texts("abilities/texts/entity_typing.yaml", dict[str, tuple[str, ...]])
    return [
        Item({"text": sentence(text, name), "name": name}, kind, text, tuple(names()))
        for kind, texts in sentences.items()
        for text in texts
        for name in shuffled(names()[kind], text)[:NAMES_A_TEXT]
    ]


def sentence(text: str, name: str) -> str:
    """The sentence with the name in it, beginning with a capital."""
    filled = text.format(name=name)
    return filled[0].upper() + filled[1:]


ENTITY_TYPING = Suite(
    name="entity_typing",
    title="entity typing: person, organization, place or product",
    version="1",
    templates=(
        "Is {name} a person, an organization, a place or a product?\n\n{text}",
        "{text}\n\nWhat is {name} here: a person, an organization, a place or a product?",
        "Sentence: {text}\nName: {name}\nType (person, organization, place or product):",
    ),
    output_type="choices",
    demonstrations=(
        shown("person", text="Daniel Frost opened the letter and sighed.", name="Daniel Frost"),
        shown("place", text="The ferry to Heron Island leaves at six.", name="Heron Island"),
        shown("product", text="The price of a Mondeo has risen.", name="Mondeo"),
        shown("organization", text="Orion Bank hired a new chairman.", name="Orion Bank"),
    ),
    shots=4,
    metrics=("choice_accuracy",),
    chance=25.0,
    make=make,
)
SUITES.add(ENTITY_TYPING.name, ENTITY_TYPING)
