"""Arithmetic of one step: bare sums and short word problems, by likelihood over four numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from keeptune.abilities.suite import Item, Suite, pick, shown, shuffled, stable_hash
from keeptune.abilities.table import SUITES
from keeptune.texts import read_texts


@dataclass(frozen=True, slots=True)
class Texts:
    names: tuple[str, ...]
    things: tuple[str, ...]
    bare: tuple[str, ...]
    words: Mapping[str, str]
    """Operation → how it is said."""
    stories: Mapping[str, tuple[str, ...]]
    """Operation → stories."""


@cache
def texts() -> Texts:
    return read_texts("abilities/texts/arithmetic.yaml", Texts)


class Problem(NamedTuple):
    """A question with the operation that answers it: ``first sign second``."""

    question: str
    first: int
    sign: str
    second: int

    @property
    def answer(self) -> int:
        return {
            "+": self.first + self.second,
            "-": self.first - self.second,
            "*": self.first * self.second,
            "/": self.first // self.second,
        }[self.sign]


def problems() -> list[Problem]:
    """All problems; the bare ones cover each pair of numbers once."""
    return [*_bare(), *_stories()]


def _pairs(sign: str) -> list[tuple[int, int]]:
    """Pairs small enough to know by heart; those of a sum or product in one order, which the hash decides."""
    low = [(a, b) for a in range(1, 13) for b in range(1, a + 1)]
    if sign == "+":
        return [(a, b) if stable_hash("order", a, b) % 2 else (b, a) for a, b in low]
    if sign == "-":
        return [(a + b, b) for a, b in low]
    products = [(a, b) for a in range(2, 11) for b in range(2, a + 1)]
    return [(a, b) for a, b in products] if sign == "*" else [(a * b, b) for a, b in products]


def _bare() -> Iterator[Problem]:
    for sign, word in texts().words.items():
        for a, b in _pairs(sign):
            form = pick(texts().bare, "bare", sign, a, b)
            yield Problem(form.format(a=a, b=b, sign={"*": "×", "/": "÷"}.get(sign, sign), word=word), a, sign, b)


def _stories() -> Iterator[Problem]:
    stories = [(sign, story) for sign, of_sign in texts().stories.items() for story in of_sign]
    for number, (sign, story) in enumerate(stories):
        for a, b in sorted(_pairs(sign), key=lambda pair: stable_hash(number, *pair))[:46]:
            # "1 apples" is no English, and nothing is left to ask where nothing is left.
            if min(a, b) > 1 and not (sign == "-" and a - b < 2):
                key = ("story", number, a, b)
                question = story.format(
                    name=pick(texts().names, *key), things=pick(texts().things, "things", *key), a=a, b=b
                )
                yield Problem(question, a, sign, b)


def foils(problem: Problem) -> tuple[int, ...]:
    """Three wrong answers: neighbours, a slip of ten, the other operation, an operand."""
    answer, a, b = problem.answer, problem.first, problem.second
    slips = {answer + 1, answer - 1, answer + 2, answer - 2, answer + 10, answer - 10, a + b, a - b, a}
    possible = [str(slip) for slip in slips if slip > 0 and slip != answer]
    return tuple(int(slip) for slip in shuffled(possible, problem.question)[:3])


def make() -> Sequence[Item]:
    """One item a problem; the same two numbers under the same operation are one cluster."""
    items = []
    for problem in problems():
        low, high = sorted((problem.first, problem.second))
        choices = [str(problem.answer), *map(str, foils(problem))]
        items.append(
            Item(
                fields={"question": problem.question},
                answer=str(problem.answer),
                cluster=f"{low} {problem.sign} {high}",
                choices=shuffled(choices, "order", problem.question),
            )
        )
    return items


ARITHMETIC = Suite(
    name="arithmetic",
    title="sums and one-step word problems",
    version="1",
    templates=(
        "{question}",
        "Question: {question}",
        "{question} What is the answer?",
    ),
    output_type="choices",
    shots=4,
    demonstrations=(
        shown("35", question="What is 20 plus 15?"),
        shown("20", question="Olga has 30 flags and gives away 10. How many flags does Olga have left?"),
        shown("60", question="There are 3 bags with 20 nuts in each bag. How many nuts are there in all?"),
        shown("2", question="What is 50 divided by 25?"),
    ),
    metrics=("choice_accuracy_norm",),
    chance=25.0,
    make=make,
)
SUITES.add(ARITHMETIC.name, ARITHMETIC)
