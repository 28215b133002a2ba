"""Passage QA: a short passage with several facts, and a question about one of them.

Each cluster is one passage, as filled, with its four questions; their answers are the choices of each.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from keeptune.abilities.suite import Item, Suite, shown, shuffled
from keeptune.abilities.table import SUITES
from keeptune.texts import read_texts

FILLINGS = 8
SLOT = re.compile(r"\{(\w+?)(2?)\}")


@dataclass(frozen=True, slots=True)
class Passage:
    """One kind of passage."""

    text: str
    questions: Mapping[str, str]
    """Question → slot of its answer."""


@dataclass(frozen=True, slots=True)
class Texts:
    fillers: Mapping[str, tuple[str, ...]]
    """Slot → fillings; a slot with a ``2`` is a second one from the same list."""
    passages: tuple[Passage, ...]


@cache
def texts() -> Texts:
    return read_texts("abilities/texts/passage_qa.yaml", Texts)


def make() -> list[Item]:
    """`FILLINGS` passages of each kind, each with all its questions."""
    items = []
    for kind, of_kind in enumerate(texts().passages):
        for number in range(FILLINGS):
            filled = fillings(of_kind.text, number)
            passage = of_kind.text.format_map(filled)
            passage = re.sub(r"(^|\. )([a-z])", lambda found: found[1] + found[2].upper(), passage)
            answers = [filled[slot] for slot in of_kind.questions.values()]
            for question, slot in of_kind.questions.items():
                fields = {"passage": passage, "question": question.format_map(filled)}
                choices = shuffled(answers, kind, number, slot)
                items.append(Item(fields, filled[slot], f"{kind}-{number}", choices))
    return items


def fillings(text: str, number: int) -> dict[str, str]:
    """Slot → filling: the `number`-th in an order that the text decides, so no two passages of a kind are alike."""
    filled = {}
    for slot, second in SLOT.findall(text):
        options = shuffled(texts().fillers[slot], text, slot)
        filled[slot + second] = options[(number + (len(options) // 2 if second else 0)) % len(options)]
    return filled


PASSAGE_QA = Suite(
    name="passage_qa",
    title="questions about a passage",
    version="1",
    templates=(
        "{passage}\n\nQuestion: {question} Answer in as few words as possible.",
        "Answer the question with a word or two from the text.\n\nText: {passage}\nQuestion: {question}",
        "Text: {passage}\n\n{question} Answer with a word or two.",
    ),
    output_type="choices",
    demonstrations=(
        shown(
            "Leo",
            passage="Ruth drives a lorry. On her birthday she got a puppy from her brother Leo.",
            question="Who gave her a puppy?",
        ),
        shown(
            "5",
            passage="The mill on the Severn has 5 floors and a tin roof.",
            question="How many floors does the mill have?",
        ),
        shown(
            "barn",
            passage="In winter the old men of Brill meet in the barn to carve spoons.",
            question="Where do they meet?",
        ),
    ),
    metrics=("choice_accuracy",),
    chance=25.0,
    make=make,
    max_new_tokens=16,
)
SUITES.add(PASSAGE_QA.name, PASSAGE_QA)
