"""Topic: which of five fields is a short news text about?

Each cluster is one text, filled with other cities, names, days and numbers; the fillings are the same for all
topics, so they say nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from keeptune.abilities.suite import Item, Suite, pick, shown
from keeptune.abilities.table import SUITES
from keeptune.texts import read_texts

FILLINGS = 4


@dataclass(frozen=True, slots=True)
class Texts:
    slots: Mapping[str, tuple[str, ...]]
    """Slot → options."""
    texts: Mapping[str, tuple[str, ...]]
    """Topic → texts with slots."""


@cache
def texts() -> Texts:
    return read_texts("abilities/texts/topic.yaml", Texts)


def make() -> list[Item]:
    """`FILLINGS` items a text; those that a text without enough slots would repeat are left out."""
    items = []
    by_topic = texts().texts
    for topic, of_topic in by_topic.items():
        for text in of_topic:
            filled = [fill(text, number) for number in range(FILLINGS)]
            items += [Item({"text": each}, topic, text, tuple(by_topic)) for each in dict.fromkeys(filled)]
    return items


def fill(text: str, number: int) -> str:
    """The text with the `number`-th choice for every slot: options in a row, from a start that the text decides."""
    chosen = {}
    for slot, options in texts().slots.items():
        start = options.index(pick(options, text, slot))
        chosen[slot] = options[(start + number) % len(options)]
    return text.format_map(chosen)


TOPIC = Suite(
    name="topic",
    title="topic classification",
    version="1",
    templates=(
        "What is this text about: sports, business, politics, science or music?\n\n{text}",
        "News: {text}\n\nTopic (sports, business, politics, science or music):",
        "{text}\n\nIn which section of a newspaper is this: sports, business, politics, science or music?",
    ),
    output_type="choices",
    demonstrations=(
        shown("politics", text="The council of ministers met on Monday to discuss the new law."),
        shown("sports", text="The archer hit the centre ten times and won the tournament."),
        shown("music", text="The pianist gave a recital of four sonatas."),
        shown("business", text="The bank lowered its forecast as profits shrank."),
        shown("science", text="Researchers found a new kind of bacteria in a hot spring."),
    ),
    shots=5,
    metrics=("choice_accuracy",),
    chance=20.0,
    make=make,
)
SUITES.add(TOPIC.name, TOPIC)
