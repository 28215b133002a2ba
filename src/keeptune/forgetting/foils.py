"""Foils: wrong answers of the reference's own form, among which a model that knows the answer ranks it first.

A likelihood that rises proves nothing by itself: training makes every text of some form likelier. So the reference is
compared with texts that have its form and can be copied from the prompt as easily.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from keeptune.forgetting.function_words import all_function_words
from keeptune.records import Example
from keeptune.scoring.body import prompt_body
from keeptune.scoring.normalise import squad_tokens

FOILS = 4
"""An item at most."""
CANDIDATES = 60
"""References of other items that are looked at for one item."""
LONGEST = 12
"""Words of a reference that is one right answer among others: what is longer can be said in many ways."""
LEAST_ITEMS = 0.5
"""Share of the items that must have a foil: of fewer nothing is said."""
COPIED_LESS = 0.1
"""By how much a foil's share of words that the prompt holds may lie below the reference's."""
NO_ANSWERS = ("constraints", "constraints_strict")
"""Metrics whose references are no answers."""

_WORD = re.compile(r"\w+(?:[-'’.,]\w+)*")
_SENTENCE_END = re.compile(r"[.!?;:]\s|\n")
_NONE = "none"


class _Form(NamedTuple):
    digits: bool
    capital: bool
    words: int
    characters: int


def with_foils(examples: Sequence[Example], metric: str) -> tuple[Example, ...]:
    """The items that have foils, each with its reference and its foils as choices.

    Choices of the item are its foils. Entities are given other types. Else references of other items, those to the
    most similar prompts first, and where the reference stands in the prompt other parts of the prompt: always of a
    similar length, with digits and capitals alike, and no less copied from the prompt. Deterministic. Empty where fewer
    than half of the items have a foil, as where references are long: then this is not how the ability can be asked.
    """
    if metric in NO_ANSWERS:
        return ()
    if metric.startswith("entity_f1"):
        kinds = sorted({kind for example in examples for kind, _ in _entries(example.completion)})
        found = [_closed(example) or tuple(_retyped(example, kinds)) for example in examples]
    else:
        pool = _Pool(examples)
        found = [_closed(example) or tuple(pool.foils(example)) for example in examples]
    asked = tuple(
        replace(example, choices=tuple(sorted({example.completion, *foils})), references=_right(example, foils))
        for example, foils in zip(examples, found, strict=True)
        if foils
    )
    return asked if len(asked) >= LEAST_ITEMS * len(examples) else ()


def _right(example: Example, foils: Sequence[str]) -> tuple[str, ...]:
    """The references among what is ranked."""
    accepted = {reference.strip() for reference in example.references}
    return (example.completion, *(foil for foil in foils if foil.strip() in accepted))


def _closed(example: Example) -> tuple[str, ...]:
    others = [choice for choice in example.choices if choice.strip() != example.completion.strip()]
    return tuple(random.Random(example.id).sample(others, min(2 * FOILS, len(others)))) if others else ()


class _Pool:
    """The references of an ability, and the words of its prompts."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self._prompts = {example.id: _words(prompt_body(example)) for example in examples}
        self._by_form: defaultdict[tuple[bool, bool], list[tuple[str, _Form, frozenset[str], str]]] = defaultdict(list)
        for example in examples:
            form = _form(example.completion)
            row = (example.completion, form, _words(example.completion), example.id)
            self._by_form[form[:2]].append(row)

    def foils(self, example: Example) -> list[str]:
        rng, form = random.Random(example.id), _form(example.completion)
        if form.words > LONGEST:
            return []
        prompt = self._prompts[example.id]
        least = _copied(_words(example.completion), prompt) - COPIED_LESS
        others = self._by_form[form[:2]]
        if least <= 0.0:  # else the few of the same passage are wanted
            others = rng.sample(others, min(CANDIDATES, len(others)))
        alike = [
            (_overlap(prompt, self._prompts[item]), text)
            for text, other, words, item in others
            if _copied(words, prompt) >= least and _alike(form, other)
        ]
        texts = [text for _, text in sorted(alike, key=lambda each: -each[0])]
        found = _apart(texts, [example.completion, *example.references], FOILS)
        if len(found) < FOILS and least > 0.0:
            spans = list(_spans(prompt_body(example), form))
            known = [example.completion, *example.references, *found]
            found += _apart(rng.sample(spans, len(spans)), known, FOILS - len(found))
        return found


def _apart(texts: Iterable[str], known: Sequence[str], count: int) -> list[str]:
    """The first texts none of which holds another, or one that is known, so that it may be right."""
    taken = [_padded(text) for text in known]
    found: list[str] = []
    for text in texts:
        if len(found) == count:
            break
        own = _padded(text)
        if own.strip() and not any(own in other or other in own for other in taken):
            taken.append(own)
            found.append(text)
    return found


@lru_cache(maxsize=4096)
def _padded(text: str) -> str:
    return f" {' '.join(squad_tokens(text)) or text.strip().casefold()} "


def _form(text: str) -> _Form:
    return _Form(any(map(str.isdigit, text)), text.lstrip()[:1].isupper(), len(text.split()), len(text.strip()))


def _alike(one: _Form, other: _Form) -> bool:
    words, characters = abs(one.words - other.words), abs(one.characters - other.characters)
    return one[:2] == other[:2] and 2 * words <= one.words and characters <= max(one.characters // 2, 2)


def _words(text: str) -> frozenset[str]:
    return frozenset(word.casefold() for word in _WORD.findall(text))


def _copied(words: frozenset[str], prompt: frozenset[str]) -> float:
    return len(words & prompt) / len(words) if words else 0.0


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / max(len(one | other), 1)


def _spans(text: str, form: _Form) -> Iterator[str]:
    """Runs of as many words within a sentence, of the same form, that neither begin nor end with a function word."""
    words = list(_WORD.finditer(text))
    function_words = all_function_words()
    inner = [word[0].casefold() not in function_words for word in words]
    for start in range(len(words) - form.words + 1):
        end = start + form.words - 1
        if inner[start] and inner[end]:
            span = text[words[start].start() : words[end].end()]
            if _alike(form, _form(span)) and not _SENTENCE_END.search(span):
                yield span


def _entries(reference: str) -> list[tuple[str, str]]:
    parts = [part.partition(":") for part in reference.split(";")]
    return [(kind.strip(), name.strip()) for kind, colon, name in parts if colon]


def _retyped(example: Example, kinds: Sequence[str]) -> Iterator[str]:
    """The same entities with other types; where there is none, words of the text as entities."""
    rng = random.Random(example.id)
    entries = _entries(example.completion)
    if len(kinds) < 2:
        return
    if not entries:
        if example.completion.strip().casefold() != _NONE:
            return
        names = sorted({word[0] for word in _WORD.finditer(prompt_body(example)) if word[0][:1].isupper()})
        for name in rng.sample(names, min(FOILS, len(names))):
            yield f"{rng.choice(kinds)}: {name}"
        return
    accepted = {*example.references, example.completion}
    seen: set[str] = set()
    for _ in range(4 * FOILS):
        changed = set(rng.sample(range(len(entries)), rng.randint(1, len(entries))))
        foil = "; ".join(
            f"{rng.choice([each for each in kinds if each != kind]) if place in changed else kind}: {name}"
            for place, (kind, name) in enumerate(entries)
        )
        if foil not in accepted and foil not in seen and len(seen) < FOILS:
            seen.add(foil)
            yield foil
