"""Sentiment: is a short review positive or negative?

Each cluster is one remark with its counterpart of the other sign, each alone after a neutral setting, and after
another with an ending of its sign. Settings stand before both signs, so they say nothing.
"""

from __future__ import annotations

from keeptune.evaluation.abilities.sentiment_remarks import ENDINGS, REMARKS
from keeptune.evaluation.abilities.suite import Item, Suite, shuffled, stable_hash

CHOICES = ("positive", "negative")


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
    wordings=(
        "Is this review positive or negative?\n\n{text}",
        "Review: {text}\n\nSentiment (positive or negative):",
        "{text}\n\nDid the writer of this review have a positive or a negative opinion? Answer with one word.",
    ),
    form="choices",
    demonstrations=(
        Item({"text": "I took the early ferry. The crew were kind and we arrived on time."}, "positive", "demo"),
        Item({"text": "We hired a tent for a weekend. It leaked from the first drop of rain."}, "negative", "demo"),
        Item({"text": "My brother lent me this novel. I could hardly get past the first chapter."}, "negative", "demo"),
        Item({"text": "I ordered the green one. It looks even better than in the picture."}, "positive", "demo"),
    ),
    shots=4,
    metrics=("choice_accuracy",),
    chance=50.0,
    make=make,
)
