from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest

from keeptune.abilities.suites.word_meaning import WORD_MEANING, make, meanings, words
from tests.abilities.rendered import rendered_hash


def test_items_of_version_1_stay_as_they_are() -> None:
    assert (WORD_MEANING.version, rendered_hash(WORD_MEANING)) == ("1", "5a459b13c679aa37")


@pytest.mark.parametrize("table", [words().synonyms, words().opposites])
def test_no_word_is_asked_about_twice_and_every_pair_is_two_words(table: Mapping[str, tuple[str, ...]]) -> None:
    pairs = [tuple(pair.split()) for pairs in table.values() for pair in pairs]
    assert {len(pair) for pair in pairs} == {2}
    assert all(word != answer for word, answer in pairs)
    assert max(Counter(word for word, _ in pairs).values()) == 1
    assert {field.partition(": ")[0] for field in table} == {"adjective", "verb", "noun"}


@pytest.mark.parametrize(("relation", "table"), [("synonym", words().synonyms), ("opposite", words().opposites)])
def test_wrong_answers_are_from_another_field_and_of_the_same_part_of_speech(
    relation: str, table: Mapping[str, tuple[str, ...]]
) -> None:
    fields: dict[str, set[str]] = {}
    field_of: dict[str, str] = {}
    for field, pairs in table.items():
        for word, answer in map(str.split, pairs):
            field_of[word] = field
            fields.setdefault(answer, set()).add(field)
    mine = [meaning for meaning in meanings() if meaning.relation == relation]
    assert len(mine) == len(field_of)
    for meaning in mine:
        own = field_of[meaning.word]
        assert own in fields[meaning.answer]
        for foil in meaning.foils:
            assert any(field != own and field.split(":")[0] == own.split(":")[0] for field in fields[foil])
            assert own not in fields[foil], (meaning.word, foil)


def test_a_member_is_of_one_kind_and_kinds_that_clash_never_meet() -> None:
    members = [member for members in words().kinds.values() for member in members]
    assert len(set(members)) == len(members)
    assert {kind for pair in words().clashes for kind in pair} <= set(words().kinds)
    for item in make():
        for one, other in words().clashes:
            assert not (item.answer in (one, other) and {one, other} <= set(item.choices))


def test_a_word_is_one_cluster() -> None:
    clusters: dict[str, set[str]] = {}
    for item in make():
        clusters.setdefault(item.cluster, set()).add(item.fields["question"])
    assert all(f'"{word}"' in question for word, questions in clusters.items() for question in questions)
    assert len(clusters["happy"]) == 2
