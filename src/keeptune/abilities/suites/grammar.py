"""Grammar: which of two sentences that differ in one place is likelier.

Minimal pairs as in BLiMP (Warstadt et al. 2020, arXiv:1912.00582), with sentences of this project's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from keeptune.abilities.suite import Item, Suite, shown, shuffled
from keeptune.abilities.table import SUITES
from keeptune.texts import read_table

FILLINGS = 3
"""Items a row, each with other names."""
MEN = ("David", "Henry", "Jack", "Martin", "Oscar", "Peter", "Samuel", "Thomas")
WOMEN = ("Anna", "Clara", "Emma", "Grace", "Julia", "Laura", "Nora", "Sophie")
PLACES = ("Boston", "Dublin", "Geneva", "Lisbon", "London", "Madrid", "Paris", "Rome", "Sydney", "Toronto", "Vienna")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_CONTRAST = re.compile(r"\[([^|\]]+)\|([^\]]+)\]")
_FEMALE = re.compile(r"\b(?:her|she)\b", re.I)


@dataclass(frozen=True, slots=True)
class Row:
    """One contrast."""

    phenomenon: str
    sentence: str
    """With ``[right|wrong]``; ``{name}`` is a first name, ``{man}`` and ``{woman}`` a name of that sex, ``{place}`` a
    town and ``{day}`` a weekday."""
    words: str
    """They name the sentence without the contrast."""


class MinimalPair(NamedTuple):
    """Two sentences that differ in one place, and words that hint at both alike."""

    phenomenon: str
    right: str
    wrong: str
    words: str
    row: Row


@cache
def rows() -> tuple[Row, ...]:
    return read_table("abilities/texts/grammar.tsv", Row)


def minimal_pairs() -> list[MinimalPair]:
    """All pairs, phenomenon by phenomenon."""
    pairs = []
    for row in rows():
        for slots in _fillings(f"{row.sentence} # {row.words}"):
            right, wrong = (_CONTRAST.sub(rf"\{side}", row.sentence).format(**slots) for side in (1, 2))
            pairs.append(MinimalPair(row.phenomenon, right, wrong, row.words.format(**slots), row))
    return pairs


def _fillings(row: str) -> Sequence[Mapping[str, str]]:
    """`FILLINGS` different ways to fill a row; a row that speaks of "her" gets a woman's name."""
    names = {"man": MEN, "woman": WOMEN, "name": WOMEN if _FEMALE.search(row) else (*MEN, *WOMEN)}
    orders = {slot: shuffled(options, row, slot) for slot, options in {**names, "place": PLACES, "day": DAYS}.items()}
    return [{slot: order[number] for slot, order in orders.items()} for number in range(FILLINGS)]


def make() -> Sequence[Item]:
    """One item a pair; those of one row are one cluster."""
    return [
        Item(
            fields={"words": pair.words},
            answer=pair.right,
            cluster=f"{pair.phenomenon}: {pair.row.sentence}",
            choices=shuffled((pair.right, pair.wrong), "order", pair.words),
        )
        for pair in minimal_pairs()
    ]


GRAMMAR = Suite(
    name="grammar",
    title="acceptability of sentences",
    version="1",
    templates=(
        "Write one correct English sentence with these words: {words}.",
        "Make a grammatical English sentence from these words: {words}.",
        "{words}\n\nUse these words in one sentence of good English.",
    ),
    output_type="choices",
    shots=0,
    demonstrations=(
        shown("Robert has cleaned the kitchen.", words="Robert, kitchen, cleaned"),
        shown("The cats on the roof in Oslo are black.", words="cats, roof, Oslo"),
    ),
    metrics=("choice_accuracy",),
    chance=50.0,
    make=make,
)
SUITES.add(GRAMMAR.name, GRAMMAR)
