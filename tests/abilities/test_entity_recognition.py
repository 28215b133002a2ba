from __future__ import annotations

from collections import Counter

from keeptune.abilities.suites.entity_recognition import ENTITY_RECOGNITION, TYPES, fill, make
from keeptune.scoring.entities import parse_entities
from keeptune.scoring.parse_outcome import ParseOutcome
from tests.abilities.rendered import rendered_hash


def test_items_of_version_1_stay_as_they_are() -> None:
    assert (ENTITY_RECOGNITION.version, rendered_hash(ENTITY_RECOGNITION)) == ("1", "e38acdffb28ae140")


def test_answers_are_in_the_asked_form_and_name_what_stands_in_the_sentence() -> None:
    found: Counter[str] = Counter()
    for item in make():
        entities, outcome = parse_entities(item.answer)
        assert outcome is ParseOutcome.STRICT
        position = -1
        for kind, name in entities:
            assert kind in TYPES
            assert item.fields["text"].count(name) == 1
            found[kind] += 1
        for entry in item.answer.split("; ") if entities else ():
            name = entry.split(": ")[1]
            assert item.fields["text"].index(name) > position, "in the order of the sentence"
            position = item.fields["text"].index(name)
    assert min(found.values()) > 0.5 * max(found.values())


def test_some_sentences_name_nothing() -> None:
    items = make()
    none = [item for item in items if item.answer == "none"]
    assert 0.08 < len(none) / len(items) < 0.2
    assert {item.answer.count(";") + 1 for item in items} == {1, 2, 3}


def test_two_slots_of_one_type_take_two_names() -> None:
    item = fill("{place} is not {place2}, says {person}.", 0)
    first, second, third = item.answer.split("; ")
    assert first != second
    assert (first[:7], second[:7], third[:8]) == ("place: ", "place: ", "person: ")
    assert item.fields["text"] == f"{first[7:]} is not {second[7:]}, says {third[8:]}."
