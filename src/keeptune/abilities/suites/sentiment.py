"""Sentiment: which reply fits what somebody says about a hotel, a film or a phone, the glad one or the sorry one?

A reply tells more of small models than the words "positive" and "negative", of which they choose one whatever the
text. Each cluster is one remark with its counterpart of the other sign, each alone after a neutral setting, and after
another with an ending of its sign. Settings stand before both signs, so they say nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from keeptune.abilities.suite import Item, Suite, shown, shuffled, stable_hash
from keeptune.abilities.table import SUITES
from keeptune.texts import read_texts

CHOICES = ("That sounds wonderful!", "That sounds awful!")
"""For praise, for a complaint."""


@dataclass(frozen=True, slots=True)
class Remark:
    """What two reviewers say about the same thing."""

    praise: str
    complaint: str


@dataclass(frozen=True, slots=True)
class Field:
    settings: tuple[str, ...]
    """Neutral."""
    remarks: tuple[Remark, ...]


@dataclass(frozen=True, slots=True)
class Texts:
    fields: Mapping[str, Field]
    endings: tuple[Remark, ...]


@cache
def texts() -> Texts:
    return read_texts("abilities/texts/sentiment.yaml", Texts)


def make() -> list[Item]:
    """Four items a remark: both signs, without an ending and with one."""
    items = []
    endings = texts().endings
    for field in texts().fields.values():
        for remark in field.remarks:
            both = (remark.praise, remark.complaint)
            plain, ended = shuffled(field.settings, both)[:2]
            ending = endings[stable_hash(*both) % len(endings)]
            for sign, text, last in zip(CHOICES, both, (ending.praise, ending.complaint), strict=True):
                for whole in (f"{plain} {text}", f"{ended} {text} {last}"):
                    items.append(Item({"text": whole}, sign, remark.praise, CHOICES))
    return items


SENTIMENT = Suite(
    name="sentiment",
    title="sentiment classification",
    version="1",
    templates=(
        "A friend tells you: {text}",
        "Your neighbour says: {text}",
        "Reply to this message: {text}",
    ),
    output_type="choices",
    demonstrations=(
        shown(CHOICES[0], text="I took the early ferry. The crew were kind and we arrived on time."),
        shown(CHOICES[1], text="We hired a tent for a weekend. It leaked from the first drop of rain."),
        shown(CHOICES[0], text="I ordered the green one. It looks even better than in the picture."),
        shown(CHOICES[1], text="My brother lent me this novel. I could hardly get past the first chapter."),
    ),
    metrics=("choice_accuracy",),
    chance=50.0,
    make=make,
)
SUITES.add(SENTIMENT.name, SENTIMENT)
