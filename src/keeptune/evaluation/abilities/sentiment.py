"""Sentiment: is a short review positive or negative?

Each cluster is one remark with its counterpart of the other sign, each in two neutral settings: what goes before
says nothing about the sign, so only the remark does.
"""

from __future__ import annotations

from keeptune.evaluation.abilities.sentiment_remarks import REMARKS
from keeptune.evaluation.abilities.suite import Item, Suite, shuffled

CHOICES = ("positive", "negative")
SETTINGS_A_REMARK = 2


def make() -> list[Item]:
    """Four items a remark: both signs, each in the same two settings."""
    items = []
    for settings, remarks in REMARKS.values():
        for positive, negative in remarks:
            for setting in shuffled(settings, positive)[:SETTINGS_A_REMARK]:
                items += [
                    Item({"text": f"{setting} {remark}"}, answer, positive, CHOICES)
                    for answer, remark in zip(CHOICES, (positive, negative), strict=True)
                ]
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
