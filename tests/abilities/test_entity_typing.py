from __future__ import annotations

from collections import Counter

from keeptune.abilities.suites.entity_typing import ENTITY_TYPING, NAMES_A_TEXT, make, names, sentence
from tests.abilities.rendered import rendered_hash


def test_items_of_version_1_stay_as_they_are() -> None:
    assert (ENTITY_TYPING.version, rendered_hash(ENTITY_TYPING)) == ("1", "32dbebfd9587b510")


def test_a_name_has_one_type_and_stands_in_its_sentence() -> None:
    every = [name.casefold() for kind in names().values() for name in kind]
    assert len(set(every)) == len(every)
    for item in make():
        assert item.fields["name"] in names()[item.answer]
        assert item.fields["name"].casefold() in item.fields["text"].casefold()


def test_types_and_names_are_used_evenly() -> None:
    assert set(Counter(item.answer for item in make()).values()) == {36 * NAMES_A_TEXT}
    uses = Counter(item.fields["name"] for item in make())
    assert set(uses) == {name for kind in names().values() for name in kind}


def test_a_sentence_begins_with_a_capital() -> None:
    assert sentence("{name} closed.", "the Film Board") == "The Film Board closed."
    assert sentence("We saw {name}.", "the Film Board") == "We saw the Film Board."
