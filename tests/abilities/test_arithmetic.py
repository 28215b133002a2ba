from __future__ import annotations

import re

import pytest

from keeptune.abilities.suites.arithmetic import ARITHMETIC, Problem, foils, make, problems, texts
from tests.abilities.rendered import rendered_hash

TELLS = {
    "gets": "+",
    "in another": "+",
    "finds": "+",
    "gives away": "-",
    "took": "-",
    "already has": "-",
    "in each": "*",
    "on each of": "*",
    "equally among": "/",
    "into bags": "/",
    "plus": "+",
    "minus": "-",
    "times": "*",
    "divided by": "/",
    " + ": "+",
    " - ": "-",
    " × ": "*",
    " ÷ ": "/",
}
"""What in a question tells the operation."""


def solve(question: str) -> float:
    """The answer from the text alone."""
    (sign,) = {sign for tell, sign in TELLS.items() if tell in question}
    first, second = map(int, re.findall(r"\d+", question))
    return {"+": first + second, "-": abs(first - second), "*": first * second, "/": first / second}[sign]


def test_items_of_version_1_stay_as_they_are() -> None:
    assert (ARITHMETIC.version, rendered_hash(ARITHMETIC)) == ("1", "8e607c0a98871e8e")


def test_the_text_alone_gives_the_answer_of_every_item() -> None:
    for item in (*make(), *ARITHMETIC.demonstrations):
        assert solve(item.fields["question"]) == int(item.answer), item.fields["question"]


def test_every_operation_is_asked_about_bare_and_in_stories() -> None:
    bare = [problem.sign for problem in problems() if len(problem.question.split()) < 7]
    told = [problem.sign for problem in problems() if len(problem.question.split()) > 8]
    assert len(bare) + len(told) == len(problems())
    for sign in "+-*/":
        assert bare.count(sign) > 30
        assert told.count(sign) > 30
    assert set(texts().stories) == set("+-*/")


def test_wrong_answers_are_near_the_right_one_and_positive() -> None:
    for item in make():
        wrong = [int(choice) for choice in item.choices if choice != item.answer]
        assert len(set(wrong)) == 3
        assert min(wrong) > 0
        first, second = map(int, re.findall(r"\d+", item.fields["question"]))
        near = {int(item.answer) + slip for slip in (1, -1, 2, -2, 10, -10)}
        assert set(wrong) <= near | {first, second, first + second, abs(first - second)}


@pytest.mark.parametrize(("sign", "answer"), [("+", 16), ("-", 8), ("*", 48), ("/", 3)])
def test_a_problem_knows_its_answer(sign: str, answer: int) -> None:
    problem = Problem("?", 12, sign, 4)
    assert problem.answer == answer
    assert answer not in foils(problem)


def test_the_same_numbers_are_one_problem() -> None:
    clusters: dict[str, set[tuple[int, ...]]] = {}
    for item in make():
        numbers = sorted(map(int, re.findall(r"\d+", item.fields["question"])))
        clusters.setdefault(item.cluster, set()).add(tuple(numbers))
    assert {len(numbers) for numbers in clusters.values()} == {1}
