"""Common knowledge: one question, the right answer and three wrong ones of the same kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from keeptune.abilities.suite import Item, Suite, shown, shuffled
from keeptune.abilities.table import SUITES
from keeptune.texts import read_table

FOILS = 3


@dataclass(frozen=True, slots=True)
class Country:
    """What is asked about one country; "" where the answer would not be clear."""

    name: str
    capital: str
    continent: str
    currency: str
    language: str
    never: str
    """As in `Row`, of all four relations."""


@dataclass(frozen=True, slots=True)
class Row:
    """One fact."""

    relation: str
    subject: str
    answer: str
    never: str
    """Answers of other rows that are partly right here, with commas between: never offered."""


@dataclass(frozen=True, slots=True)
class Question:
    relation: str
    question: str
    """With ``{}`` for the subject."""


class Fact(NamedTuple):
    """One row of one relation."""

    relation: str
    subject: str
    answer: str
    question: str
    never: frozenset[str] = frozenset()
    """Answers of other rows that are not offered here, since they are partly right."""


@cache
def countries() -> tuple[Country, ...]:
    return read_table("abilities/texts/facts_countries.tsv", Country)


@cache
def facts() -> tuple[Fact, ...]:
    """All facts, relation by relation."""
    questions = {row.relation: row.question for row in read_table("abilities/texts/facts_questions.tsv", Question)}
    rows = [
        Row(relation, country.name, getattr(country, relation), country.never)
        for relation in ("capital", "continent", "currency", "language")
        for country in countries()
        if getattr(country, relation)
    ]
    return tuple(
        Fact(
            row.relation,
            row.subject,
            row.answer,
            questions[row.relation].format(row.subject),
            frozenset(row.never.split(", ")) - {""},
        )
        for row in (*rows, *read_table("abilities/texts/facts.tsv", Row))
    )


def make() -> Sequence[Item]:
    answers: dict[str, list[str]] = {}
    for fact in facts():
        answers.setdefault(fact.relation, []).append(fact.answer)
    return [_item(fact, answers[fact.relation]) for fact in facts()]


def _item(fact: Fact, answers: Sequence[str]) -> Item:
    others = dict.fromkeys(answer for answer in answers if answer != fact.answer and answer not in fact.never)
    foils = shuffled(others, fact.question)[:FOILS]
    return Item(
        fields={"question": fact.question},
        answer=fact.answer,
        choices=shuffled((fact.answer, *foils), "order", fact.question),
        cluster=fact.subject.removeprefix("a ").removeprefix("an "),
    )


FACTS = Suite(
    name="facts",
    title="common knowledge",
    version="1",
    templates=(
        "{question}",
        "Question: {question}\nAnswer briefly.",
        "Answer in a few words: {question}",
    ),
    output_type="choices",
    shots=0,
    demonstrations=(
        shown("Luxembourg City", question="What is the capital of Luxembourg?"),
        shown("B", question="What is the chemical symbol of boron?"),
        shown("H. G. Wells", question="Who wrote The Time Machine?"),
        shown("blue", question="What colour is a ripe blueberry?"),
    ),
    metrics=("choice_accuracy",),
    chance=25.0,
    make=make,
)
SUITES.add(FACTS.name, FACTS)
