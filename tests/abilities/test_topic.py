from __future__ import annotations

from collections import Counter

from keeptune.abilities.suites.topic import FILLINGS, TOPIC, fill, make, texts
from tests.abilities.rendered import rendered_hash


def test_items_of_version_1_stay_as_they_are() -> None:
    assert (TOPIC.version, rendered_hash(TOPIC)) == ("1", "9380f56d336ca3a8")


def test_topics_have_as_many_texts_and_none_names_itself() -> None:
    by_topic = texts().texts
    assert {len(of_topic) for of_topic in by_topic.values()} == {32}
    for topic, of_topic in by_topic.items():
        assert not [text for text in of_topic if topic in text.casefold().split()], topic


def test_a_text_is_filled_with_a_row_of_options() -> None:
    text = "{name} left {city} on {day} for {number} weeks."
    filled = [fill(text, number) for number in range(FILLINGS)]
    assert len(set(filled)) == FILLINGS
    days = [texts().slots["day"].index(each.split(" on ")[1].split(" for ")[0]) for each in filled]
    assert [(day - days[0]) % 7 for day in days] == [0, 1, 2, 3]


def test_every_topic_is_asked_about_as_often() -> None:
    counts = Counter(item.answer for item in make())
    assert set(counts) == set(texts().texts)
    assert min(counts.values()) > 0.9 * max(counts.values())
