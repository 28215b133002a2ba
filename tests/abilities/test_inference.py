from __future__ import annotations

from collections import Counter

from keeptune.abilities.suites.inference import CHOICES, INFERENCE, make
from tests.abilities.rendered import rendered_hash


def test_items_of_version_1_stay_as_they_are() -> None:
    assert (INFERENCE.version, rendered_hash(INFERENCE)) == ("1", "59f0ff33fb519c48")


def test_every_premise_is_asked_both_ways_with_the_same_names() -> None:
    asked: Counter[tuple[str, str]] = Counter()
    for item in make():
        asked[item.fields["premise"], item.answer] += 1
    assert set(asked.values()) == {1}
    premises = {premise for premise, _ in asked}
    assert all((premise, answer) in asked for premise in premises for answer in CHOICES)


def test_no_name_is_left_open() -> None:
    assert not [item for item in make() if "{" in "".join(item.fields.values())]


def test_length_does_not_tell_the_answer() -> None:
    """The best threshold on the statement's length is worth less than 60 %."""
    items = make()
    lengths = [(len(item.fields["statement"]), item.answer == "yes") for item in items]
    for threshold in range(100):
        right = sum((length <= threshold) == yes for length, yes in lengths) / len(items)
        assert 0.4 < right < 0.6
