"""Sentiment: which reply fits what somebody says about a hotel, a film or a phone, the glad one or the sorry one?

A reply tells more of small models than the words "positive" and "negative", of which they choose one whatever the
text. Each cluster is one remark with its counterpart of the other sign, each alone after a neutral setting, and after
another with an ending of its sign. Settings stand before both signs, so they say nothing.
"""

from __future__ import annotations

from keeptune.abilities.sentiment_remarks import ENDINGS, REMARKS
from keeptune.abilities.suite import Item, Suite, shuffled, stable_hash

CHOICES = ("That sounds wonderful!", "That sounds awful!")
"""For praise, for a complaint."""


def make() -> list[Item]:
    """Four items a remark: both signs, without an ending and with one."""
    items = []
    for settings, remarks in REMARKS.values():
        for remark in remarks:
            plain, ended = shuffled(settings, remark)[:2]
            ending = ENDINGS[stable_hash(*remark) % len(ENDINGS)]
            for sign, text, last in zip(CHOICES, remark, ending, strict=True):
                for whole in (f"{plain} {text}", f"{ended} {text} {last}"):
                    items.append(Item({"text": whole}, sign, remark[0], CHOICES))
    return items


SENTIMENT = Suite(
    name="sentiment",
    title="telling praise from complaint",
    version="1",
    templates=(
        "A friend tells you: {text}",
        "Your neighbour says: {text}",
        "Reply to this message: {text}",
    ),
    output_type="choices",
    demonstrations=(
        Item({"text": "I took the early ferry. The crew were kind and we arrived on time."}, CHOICES[0], "demo"),
        Item({"text": "We hired a tent for a weekend. It leaked from the first drop of rain."}, CHOICES[1], "demo"),
        Item({"text": "I ordered the green one. It looks even better than in the picture."}, CHOICES[0], "demo"),
        Item({"text": "My brother lent me this novel. I could hardly get past the first chapter."}, CHOICES[1], "demo"),
    ),
    metrics=("choice_accuracy",),
    chance=50.0,
    make=make,
)
