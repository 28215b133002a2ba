"""Entity recognition: list the people, organizations and places that a sentence names, or say that there are none.

Each cluster is one sentence with four sets of names. Micro F1 has no chance level: who guesses gets about nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from keeptune.abilities.suite import Item, Suite, pick, shown, shuffled
from keeptune.abilities.suites.entity_typing import names
from keeptune.abilities.table import SUITES
from keeptune.texts import read_texts

TYPES = ("person", "organization", "place")
FILLINGS = 4
SLOT = re.compile(r"\{(\w+?)2?\}")


@dataclass(frozen=True, slots=True)
class Sentences:
    """Sentences with slots."""

    named: tuple[str, ...]
    unnamed: tuple[str, ...]
    fillers: Mapping[str, tuple[str, ...]]


@cache
def sentences() -> Sentences:
    return read_texts("abilities/texts/entity_recognition.yaml", Sentences)


def make() -> list[Item]:
    """`FILLINGS` items a sentence; those that a sentence with few slots would repeat are left out."""
    items: dict[str, Item] = {}
    for text in (*sentences().named, *sentences().unnamed):
        for number in range(FILLINGS):
            item = fill(text, number)
            items.setdefault(item.fields["text"], item)
    return list(items.values())


def fill(text: str, number: int) -> Item:
    """The sentence with its `number`-th set of names, and the list of them in their order."""
    entities: list[str] = []

    def name_of(found: re.Match[str]) -> str:
        slot, kind = found[0], found[1]
        if kind not in TYPES:
            return pick(sentences().fillers[kind], text, kind, number)
        # Names with an article are left out: whether it belongs to the name is open to dispute.
        bare = [name for name in names()[kind] if not name.startswith("the ")]
        name = shuffled(bare, text, number)[slot.endswith("2}")]
        entities.append(f"{kind}: {name}")
        return name

    return Item({"text": SLOT.sub(name_of, text)}, "; ".join(entities) or "none", text)


ENTITY_RECOGNITION = Suite(
    name="entity_recognition",
    title="names of people, organizations and places",
    version="1",
    templates=(
        'List the people, organizations and places as "type: name; type: name", or answer "none".\n\n{text}',
        "{text}\n\nWhich persons, organizations and places are named? Write type: name; type: name, or none.",
        "Find all names. Answer like this: person: name; organization: name; place: name. Or answer none.\n\n{text}",
    ),
    output_type="few-shot",
    demonstrations=(
        shown("person: Daniel Frost; place: Helsinki", text="Daniel Frost lost his hat in Helsinki."),
        shown("none", text="The soup was cold and the bread was hard."),
        shown("organization: Orion Bank; person: Ruth Palmer", text="Orion Bank paid Ruth Palmer to leave."),
        shown("place: Heron Island", text="Heron Island has no cars."),
    ),
    shots=4,
    metrics=("entity_f1", "entity_f1_strict"),
    chance=None,
    make=make,
    max_new_tokens=48,
)
SUITES.add(ENTITY_RECOGNITION.name, ENTITY_RECOGNITION)
