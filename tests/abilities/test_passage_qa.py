from __future__ import annotations

import re
from collections import Counter

from keeptune.abilities.suites.passage_qa import FILLINGS, PASSAGE_QA, fillings, make, texts
from tests.abilities.rendered import rendered_hash


def test_items_of_version_1_stay_as_they_are() -> None:
    assert (PASSAGE_QA.version, rendered_hash(PASSAGE_QA)) == ("1", "193d0b1f5db675e5")


def test_the_answer_stands_once_in_the_passage_and_not_in_the_question() -> None:
    for item in make():
        whole = re.compile(rf"(?<!\w){re.escape(item.answer)}(?!\w)", re.I)
        assert len(whole.findall(item.fields["passage"])) >= 1
        assert not whole.findall(item.fields["question"]), item


def test_the_choices_are_the_answers_of_the_same_passage() -> None:
    answers: dict[str, set[str]] = {}
    for item in make():
        answers.setdefault(item.cluster, set()).add(item.answer)
    assert all(len(answers[item.cluster]) == 4 and set(item.choices) == answers[item.cluster] for item in make())


def test_each_passage_has_its_questions_and_no_passage_repeats() -> None:
    clusters = Counter(item.cluster for item in make())
    assert len(clusters) == FILLINGS * len(texts().passages)
    assert set(clusters.values()) == {4}
    assert len({item.fields["passage"] for item in make()}) == len(clusters)


def test_a_second_slot_of_a_kind_takes_another_filling() -> None:
    for number in range(FILLINGS):
        filled = fillings("{name} met {name2} on {day}.", number)
        assert filled["name"] != filled["name2"]
        assert filled["day"] in texts().fillers["day"]
