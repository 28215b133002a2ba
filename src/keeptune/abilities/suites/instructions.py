"""Following instructions: answers whose form code can check, as in IFEval (Zhou et al. 2023, arXiv:2311.07911)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from keeptune.abilities.suite import Item, Suite, pick, shown, stable_hash
from keeptune.abilities.table import SUITES
from keeptune.texts import read_texts

RULES_A_TOPIC = 5


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of instruction; ``{topic}`` is what it is about, ``{n}`` a number and ``{word}`` a word."""

    name: str
    task: str
    rule: str
    constraints: str
    """In the form of `keeptune.scoring.constraints`."""
    answer: str
    """One text that keeps them."""
    numbers: tuple[str, ...] = ("0",)
    words: tuple[str, ...] = ("",)


@dataclass(frozen=True, slots=True)
class Texts:
    rules: tuple[Rule, ...]
    topics: str
    """With spaces between."""


@cache
def texts() -> Texts:
    return read_texts("abilities/texts/instructions.yaml", Texts)


def make() -> Sequence[Item]:
    """Some of the rules for every topic; a topic is a cluster."""
    return [
        _item(rule, topic)
        for topic in texts().topics.split()
        for rule in sorted(texts().rules, key=lambda rule: stable_hash("rule", topic, rule.name))[:RULES_A_TOPIC]
    ]


def _item(rule: Rule, topic: str) -> Item:
    number, word = pick(rule.numbers, topic, rule.name), pick(rule.words, topic, rule.name)

    def filled(text: str) -> str:
        return text.format(topic=topic, n=number, word=word)

    answer = filled(rule.answer)
    return Item(
        fields={"task": filled(rule.task), "rule": filled(rule.rule)},
        answer=answer,
        cluster=topic,
        references=(filled(rule.constraints), answer),
    )


INSTRUCTIONS = Suite(
    name="instructions",
    title="instructions with checkable rules",
    version="1",
    templates=(
        "{task} {rule}",
        "{task}\n\nRule: {rule}",
        "{rule} {task}",
    ),
    output_type="generate",
    demonstrations=(
        shown("Wool keeps us warm.", task="Write one sentence about wool.", rule="Use at most 6 words."),
        shown("LAMPS GIVE LIGHT.", task="Write one sentence about lamps.", rule="Write it in capital letters only."),
        shown("Yes", task="Have you ever heard of Mars?", rule="Answer only yes or no."),
    ),
    metrics=("constraints", "constraints_strict"),
    chance=None,  # one answer to all may keep a third of the constraints: the floor tells
    max_new_tokens=56,
    make=make,
)
SUITES.add(INSTRUCTIONS.name, INSTRUCTIONS)
