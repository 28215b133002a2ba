from __future__ import annotations

import re
from collections import Counter
from difflib import SequenceMatcher

from keeptune.abilities.suites.grammar import FILLINGS, GRAMMAR, MEN, make, minimal_pairs, rows
from tests.abilities.rendered import rendered_hash


def test_items_of_version_1_stay_as_they_are() -> None:
    assert (GRAMMAR.version, rendered_hash(GRAMMAR)) == ("1", "ebcabddaa1bebac7")


def test_every_row_has_one_contrast_and_a_hint() -> None:
    for row in rows():
        assert row.sentence.count("[") == row.sentence.count("|") == row.sentence.count("]") == 1, row
        assert row.words
        assert row.sentence[-1] in ".?"


def test_the_two_sentences_differ_in_the_contrast_alone() -> None:
    for pair in minimal_pairs():
        assert pair.right != pair.wrong
        right, wrong = pair.right.split(), pair.wrong.split()
        changed = [tag for tag, *_ in SequenceMatcher(None, right, wrong, autojunk=False).get_opcodes()]
        assert changed.count("equal") >= 1
        assert len(changed) <= 5, pair
        assert not re.search(r"[{}\[\]|#]", pair.right + pair.wrong + pair.words)
        assert pair.right[0].isupper()
        assert pair.wrong[0].isupper()


def test_the_hint_does_not_give_the_right_form_away() -> None:
    for pair in minimal_pairs():
        right, wrong, hint = (set(re.findall(r"\w+", text.lower())) for text in (pair.right, pair.wrong, pair.words))
        assert not (right ^ wrong) & hint, pair


def test_who_is_called_she_has_the_name_of_a_woman() -> None:
    women = 0
    for pair in minimal_pairs():
        if "{name}" in pair.row.sentence and re.search(r"\b(her|she|hers)\b", pair.right):
            assert not set(MEN) & set(pair.right.split()), pair.right
            women += 1
    assert women >= 12


def test_rows_are_clusters_and_phenomena_are_many() -> None:
    sizes = Counter(item.cluster for item in make())
    assert set(sizes.values()) == {FILLINGS}
    assert len({cluster.partition(":")[0] for cluster in sizes}) == len({row.phenomenon for row in rows()}) >= 12
    assert len(rows()) == len(sizes)
