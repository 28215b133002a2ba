from __future__ import annotations

from collections import Counter

import pytest

from keeptune.abilities.suites.instructions import INSTRUCTIONS, RULES_A_TOPIC, make, texts
from keeptune.scoring.constraints import parse_constraints
from tests.abilities.rendered import rendered_hash


def test_items_of_version_1_stay_as_they_are() -> None:
    assert (INSTRUCTIONS.version, rendered_hash(INSTRUCTIONS)) == ("1", "d39afe5fe1244960")


def test_every_item_has_an_answer_that_keeps_its_rules() -> None:
    for item in make():
        constraints, answer = item.references
        assert answer == item.answer
        assert all(constraint.holds(answer) for constraint in parse_constraints(constraints)), item


def test_every_rule_is_asked_about_often() -> None:
    assert len(texts().rules) == 18
    topics = texts().topics.split()
    kinds = Counter(constraint.kind for item in make() for constraint in parse_constraints(item.references[0]))
    assert len(make()) == RULES_A_TOPIC * len(topics)
    assert len(set(topics)) == len(topics)
    assert min(kinds[kind] for kind in ("uppercase", "quoted", "json", "only", "items", "numbered", "ends")) > 25


@pytest.mark.parametrize(
    "same",
    [
        "Yes",
        "I cannot help with that.",
        "Many people like it a lot.",
        "Person1 tells Person2 about the party, and they will meet on Sunday.",
        "MANY PEOPLE LIKE IT A LOT.",
    ],
)
def test_one_answer_to_all_keeps_few_rules(same: str) -> None:
    held = [all(c.holds(same) for c in parse_constraints(item.references[0])) for item in make()]
    assert sum(held) < 0.35 * len(held)


def test_the_worked_examples_keep_their_rules() -> None:
    answers = {shot.fields["rule"]: shot.answer for shot in INSTRUCTIONS.demonstrations}
    assert len(answers["Use at most 6 words."].split()) <= 6
    assert answers["Write it in capital letters only."].isupper()
    assert answers["Answer only yes or no."] in ("Yes", "No")
