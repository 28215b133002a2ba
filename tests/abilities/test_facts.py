from __future__ import annotations

from collections import Counter

from keeptune.abilities.suites.facts import FACTS, countries, facts, make
from tests.abilities.rendered import rendered_hash


def test_items_of_version_1_stay_as_they_are() -> None:
    assert (FACTS.version, rendered_hash(FACTS)) == ("1", "8fbf869369ec3806")


def test_a_question_has_one_answer() -> None:
    questions = Counter(fact.question for fact in facts())
    assert max(questions.values()) == 1
    assert all(fact.answer.strip() == fact.answer != "" for fact in facts())
    assert all(fact.subject.strip() == fact.subject != "" for fact in facts())


def test_wrong_answers_are_right_elsewhere_in_the_same_relation() -> None:
    relation_of = {fact.question: fact.relation for fact in facts()}
    answers: dict[str, set[str]] = {}
    for fact in facts():
        answers.setdefault(fact.relation, set()).add(fact.answer)
    for item in make():
        assert len(item.choices) == 4
        assert set(item.choices) <= answers[relation_of[item.fields["question"]]]


def test_what_is_partly_right_is_never_offered() -> None:
    by_question = {fact.question: fact for fact in facts()}
    for item in make():
        assert not set(item.choices) & by_question[item.fields["question"]].never


def test_what_is_never_offered_is_an_answer_elsewhere_and_not_the_right_one() -> None:
    """Else the table has a slip of the pen."""
    everywhere = {fact.answer for fact in facts()}
    tables = [fact for fact in facts() if fact.subject not in {country.name for country in countries()}]
    for fact in facts():
        assert fact.answer not in fact.never
        assert fact.never <= everywhere, fact
    for fact in tables:
        assert fact.never <= {other.answer for other in tables if other.relation == fact.relation}, fact


def test_a_country_and_a_capital_occur_once() -> None:
    for names in (
        [country.name for country in countries()],
        [country.capital for country in countries() if country.capital],
        [fact.subject for fact in facts() if fact.relation == "state"],
        [fact.answer for fact in facts() if fact.relation == "state"],
    ):
        assert len(set(names)) == len(names)


def test_months_and_days_follow_each_other_in_a_circle() -> None:
    for unit, length in (("month", 12), ("day", 7)):
        after = {fact.subject: fact.answer for fact in facts() if fact.relation == f"{unit} after"}
        before = {fact.subject: fact.answer for fact in facts() if fact.relation == f"{unit} before"}
        assert len(after) == length
        assert {answer: subject for subject, answer in after.items()} == before
        here = next(iter(after))
        for _ in range(length):
            here = after[here]
        assert here == next(iter(after))


def test_all_about_one_subject_is_one_cluster() -> None:
    clusters = {item.fields["question"]: item.cluster for item in make()}
    assert clusters["What is the capital of France?"] == clusters["What is the currency of France called?"]
    assert clusters["What is a young dog called?"] == clusters["Which sound does a dog make?"]
