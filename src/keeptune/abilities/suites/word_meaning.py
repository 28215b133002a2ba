"""The meaning of words: synonyms, opposites, and what kind of thing a word names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from keeptune.abilities.suite import Item, Suite, shown, shuffled
from keeptune.abilities.table import SUITES
from keeptune.texts import read_texts

FOILS = 3


@dataclass(frozen=True, slots=True)
class Words:
    """Words by meaning. What stands under one heading is never offered as a wrong answer for it."""

    synonyms: Mapping[str, tuple[str, ...]]
    """``part of speech: field`` → ``word answer``; so are `opposites`."""
    opposites: Mapping[str, tuple[str, ...]]
    kinds: Mapping[str, tuple[str, ...]]
    """Kind → members."""
    clashes: tuple[tuple[str, str], ...]
    """Kinds that are never offered beside each other."""


class Meaning(NamedTuple):
    """One question about one word."""

    relation: str
    word: str
    answer: str
    foils: tuple[str, ...]
    """Every answer that could be offered as a wrong one."""


QUESTIONS: Mapping[str, str] = {
    "synonym": 'Which word means the same as "{}"?',
    "opposite": 'What is the opposite of "{}"?',
    "kind": 'What kind of thing is meant by "{}"?',
}


@cache
def words() -> Words:
    return read_texts("abilities/texts/word_meaning.yaml", Words)


def meanings() -> list[Meaning]:
    """All of them, relation by relation."""
    return [*_pairs("synonym", words().synonyms), *_pairs("opposite", words().opposites), *_kinds()]


def _pairs(relation: str, table: Mapping[str, tuple[str, ...]]) -> Iterator[Meaning]:
    """Pairs of a table; wrong answers are of the same part of speech, from another field."""
    rows = [(field, *pair.split()) for field, pairs in table.items() for pair in pairs]
    for field, word, answer in rows:
        speech = field.partition(":")[0]
        foils = [other for place, _, other in rows if place != field and place.startswith(f"{speech}:")]
        yield Meaning(
            relation, word, answer, tuple(foil for foil in dict.fromkeys(foils) if foil not in (word, answer))
        )


def _kinds() -> Iterator[Meaning]:
    clashes = {frozenset(pair) for pair in words().clashes}
    kinds = words().kinds
    for kind, members in kinds.items():
        foils = tuple(other for other in kinds if other != kind and frozenset((kind, other)) not in clashes)
        for member in members:
            yield Meaning("kind", member, kind, foils)


def make() -> Sequence[Item]:
    """One item a meaning; all about one word are one cluster."""
    items = []
    for meaning in meanings():
        question = QUESTIONS[meaning.relation].format(meaning.word)
        choices = (meaning.answer, *shuffled(meaning.foils, question)[:FOILS])
        items.append(
            Item(
                fields={"question": question},
                answer=meaning.answer,
                cluster=meaning.word,
                choices=shuffled(choices, "order", question),
            )
        )
    return items


WORD_MEANING = Suite(
    name="word_meaning",
    title="synonyms, antonyms and categories",
    version="1",
    templates=(
        "{question}",
        "{question} Answer with one word or a few.",
        "A question about a word: {question}",
    ),
    output_type="choices",
    shots=0,
    demonstrations=(
        shown("slowly", question='What is the opposite of "quickly"?'),
        shown("a vehicle", question='What kind of thing is meant by "bicycle"?'),
        shown("darkness", question='Which word means the same as "gloom"?'),
        shown("a mammal", question='What kind of thing is meant by "goat"?'),
    ),
    metrics=("choice_accuracy_norm",),
    chance=25.0,
    make=make,
)
SUITES.add(WORD_MEANING.name, WORD_MEANING)
