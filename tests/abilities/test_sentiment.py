from __future__ import annotations

from collections import Counter

from keeptune.abilities.suite import Item
from keeptune.abilities.suites.sentiment import CHOICES, SENTIMENT, make, texts
from tests.abilities.rendered import rendered_hash


def test_items_of_version_1_stay_as_they_are() -> None:
    assert (SENTIMENT.version, rendered_hash(SENTIMENT)) == ("1", "3b269af851baeb8d")


def test_only_remarks_and_endings_tell_the_sign() -> None:
    """The same settings stand before both signs of a remark."""
    pairs = {
        remark.praise: (field.settings, (remark.praise, remark.complaint))
        for field in texts().fields.values()
        for remark in field.remarks
    }
    endings = [(ending.praise, ending.complaint) for ending in texts().endings]
    by_cluster: dict[str, list[Item]] = {}
    for item in make():
        by_cluster.setdefault(item.cluster, []).append(item)
    assert set(by_cluster) == set(pairs)
    for cluster, items in by_cluster.items():
        settings, remark = pairs[cluster]
        before: dict[str, list[str]] = {sign: [] for sign in CHOICES}
        for item in items:
            sign = CHOICES.index(item.answer)
            setting, ending = item.fields["text"].split(f" {remark[sign]}")
            assert setting in settings
            assert ending.strip() in {"", *(pair[sign] for pair in endings)}
            before[item.answer].append(setting)
        assert before[CHOICES[0]] == before[CHOICES[1]]
        assert len(set(before[CHOICES[0]])) == 2


def test_length_does_not_tell_the_sign() -> None:
    lengths = [(len(item.fields["text"]), item.answer == CHOICES[0]) for item in make()]
    for threshold in range(200):
        assert 0.4 < sum((length <= threshold) == positive for length, positive in lengths) / len(lengths) < 0.6


def test_no_remark_stands_twice() -> None:
    remarks = [
        text
        for field in texts().fields.values()
        for remark in field.remarks
        for text in (remark.praise, remark.complaint)
    ]
    assert [text for text, times in Counter(remarks).items() if times > 1] == []
