"""Arithmetic of one step: bare sums and short word problems, by likelihood over four numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from keeptune.abilities.suite import Item, Suite, pick, shuffled, stable_hash

NAMES = (
    "Anna",
    "Ben",
    "Clara",
    "David",
    "Emma",
    "Felix",
    "Grace",
    "Henry",
    "Ivy",
    "Jack",
    "Kate",
    "Leo",
    "Mia",
    "Noah",
)
THINGS = ("apples", "books", "coins", "stamps", "shells", "marbles", "pencils", "cards", "eggs", "cookies", "balloons")


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


STORIES: tuple[tuple[str, str], ...] = (
    ("+", "{name} has {a} {things} and gets {b} more. How many {things} does {name} have now?"),
    ("+", "There are {a} {things} in one box and {b} {things} in another. How many {things} are there in all?"),
    ("+", "{name} finds {a} {things} in the morning and {b} in the afternoon. How many {things} is that together?"),
    ("-", "{name} has {a} {things} and gives away {b}. How many {things} does {name} have left?"),
    ("-", "There were {a} {things} on the table. {name} took {b} of them. How many {things} are still there?"),
    ("-", "{name} needs {a} {things} and already has {b}. How many more {things} does {name} need?"),
    ("*", "There are {a} boxes with {b} {things} in each box. How many {things} are there in all?"),
    ("*", "{name} buys {b} {things} on each of {a} days. How many {things} does {name} buy in all?"),
    ("/", "{name} shares {a} {things} equally among {b} friends. How many {things} does each friend get?"),
    ("/", "{name} packs {a} {things} into bags of {b}. How many bags does {name} fill?"),
)
"""(operation, story); ``a`` is the first number of the operation and ``b`` the second."""

BARE = ("What is {a} {word} {b}?", "{a} {sign} {b} = ?", "Calculate {a} {sign} {b}.")
WORDS = {"+": "plus", "-": "minus", "*": "times", "/": "divided by"}


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
    for sign, word in WORDS.items():
        for a, b in _pairs(sign):
            form = pick(BARE, "bare", sign, a, b)
            yield Problem(form.format(a=a, b=b, sign={"*": "×", "/": "÷"}.get(sign, sign), word=word), a, sign, b)


def _stories() -> Iterator[Problem]:
    for number, (sign, story) in enumerate(STORIES):
        for a, b in sorted(_pairs(sign), key=lambda pair: stable_hash(number, *pair))[:46]:
            # "1 apples" is no English, and nothing is left to ask where nothing is left.
            if min(a, b) > 1 and not (sign == "-" and a - b < 2):
                key = ("story", number, a, b)
                question = story.format(name=pick(NAMES, *key), things=pick(THINGS, "things", *key), a=a, b=b)
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
    title="sums and word problems of one step",
    version="1",
    templates=(
        "{question}",
        "Question: {question}",
        "{question} What is the answer?",
    ),
    output_type="choices",
    shots=4,
    demonstrations=(
        Item({"question": "What is 20 plus 15?"}, "35", "shown"),
        Item({"question": "Olga has 30 flags and gives away 10. How many flags does Olga have left?"}, "20", "shown"),
        Item({"question": "There are 3 bags with 20 nuts in each bag. How many nuts are there in all?"}, "60", "shown"),
        Item({"question": "What is 50 divided by 25?"}, "2", "shown"),
    ),
    metrics=("choice_accuracy_norm",),
    chance=25.0,
    make=make,
)
