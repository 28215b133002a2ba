"""Common knowledge: one question, the right answer and three wrong ones of the same kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from keeptune.abilities.countries import COUNTRIES, STATES
from keeptune.abilities.everyday_facts import EVERYDAY
from keeptune.abilities.fact_tables import RELATIONS
from keeptune.abilities.suite import Item, Suite, shuffled

FOILS = 3


class Fact(NamedTuple):
    """One row of one relation."""

    relation: str
    subject: str
    answer: str
    question: str
    never: frozenset[str] = frozenset()
    """Answers of other rows that are not offered here, since they are partly right."""


def facts() -> list[Fact]:
    """All facts, relation by relation."""
    return [*_of_countries(), *_of_tables()]


def _of_countries() -> Iterator[Fact]:
    asked = (
        ("capital", "What is the capital of {}?"),
        ("continent", "On which continent is {}?"),
        ("currency", "What is the currency of {} called?"),
        ("language", "What is the main language of {}?"),
    )
    for relation, question in asked:
        for country in COUNTRIES:
            answer = getattr(country, relation)
            if answer:
                yield Fact(relation, country.name, answer, question.format(country.name), frozenset(country.also))
    for state, capital in STATES:
        yield Fact("state", state, capital, f"What is the capital of the US state of {state}?")


def _of_tables() -> Iterator[Fact]:
    for relation in (*RELATIONS, *EVERYDAY):
        for line in relation.rows.strip().splitlines():
            fact, _, never = line.partition(" ! ")
            subject, _, answer = fact.strip().rpartition(": ")
            excluded = frozenset(each.strip() for each in never.split(",") if each.strip())
            yield Fact(relation.name, subject, answer, relation.question.format(subject), excluded)


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


def _shown(question: str, answer: str) -> Item:
    return Item({"question": question}, answer, "shown")


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
        _shown("What is the capital of Luxembourg?", "Luxembourg City"),
        _shown("What is the chemical symbol of boron?", "B"),
        _shown("Who wrote The Time Machine?", "H. G. Wells"),
        _shown("What colour is a ripe blueberry?", "blue"),
    ),
    metrics=("choice_accuracy",),
    chance=25.0,
    make=make,
)
