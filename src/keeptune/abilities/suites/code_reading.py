"""Reading Python: what a short snippet prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from keeptune.abilities.suite import Item, Suite, shown, shuffled, stable_hash
from keeptune.abilities.suites.code_templates import TEMPLATES, Holes, Template
from keeptune.abilities.table import SUITES

SNIPPETS = 16
"""Snippets a template at most."""
FOILS = 3
WORDS = (
    "apple",
    "banana",
    "river",
    "stone",
    "tiger",
    "window",
    "candle",
    "garden",
    "pencil",
    "orange",
    "rocket",
    "sugar",
)


class Snippet(NamedTuple):
    """A snippet, what it prints, and what it does not."""

    code: str
    output: str
    wrong: tuple[str, ...]
    template: int


def snippets() -> list[Snippet]:
    """All snippets, template by template; no two are the same."""
    return [snippet for number, template in enumerate(TEMPLATES) for snippet in _of(number, template)]


def _of(number: int, template: Template) -> Iterator[Snippet]:
    seen: set[str] = set()
    for turn in range(3 * SNIPPETS):
        holes = _holes(number, turn)
        code = template.code.format_map(holes._asdict())
        output, *wrong = dict.fromkeys(map(str, template.outputs(holes)))
        if code not in seen and len(wrong) >= FOILS and len(seen) < SNIPPETS:
            seen.add(code)
            yield Snippet(code, output, tuple(wrong), number)


def _holes(number: int, turn: int) -> Holes:
    a, b, c, *numbers = (2 + stable_hash("code", number, turn, place) % 8 for place in range(7))
    word, other = shuffled(WORDS, number, turn)[:2]
    return Holes(a, b, c, 1 + turn % 3, numbers, word, other)


def make() -> Sequence[Item]:
    """One item a snippet; each has its own numbers and words."""
    return [
        Item(
            fields={"code": snippet.code},
            answer=snippet.output,
            cluster=f"{snippet.template}: {snippet.code}",
            choices=shuffled((snippet.output, *shuffled(snippet.wrong, snippet.code)[:FOILS]), "order", snippet.code),
        )
        for snippet in snippets()
    ]


CODE_READING = Suite(
    name="code_reading",
    title="output of Python snippets",
    version="1",
    templates=(
        "What does this Python code print?\n\n```python\n{code}\n```",
        "```python\n{code}\n```\n\nGive the output of this program.",
        "Run this Python program in your head and write what it prints:\n\n{code}",
    ),
    output_type="choices",
    shots=0,
    demonstrations=(
        shown("11", code="print(10 + 1)"),
        shown("m", code="print('lemon'[2])"),
        shown("y", code="letters = ['x', 'y']\nprint(letters[1])"),
        shown("False", code="print(12 < 11)"),
    ),
    metrics=("choice_accuracy_norm",),
    chance=25.0,
    make=make,
)
SUITES.add(CODE_READING.name, CODE_READING)
