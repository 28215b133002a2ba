"""Accuracy over closed choices by what the model writes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from keeptune.records import Example, ItemScore
from keeptune.scoring.choices import right_choices
from keeptune.scoring.mean import MeanMetric, mean_score
from keeptune.scoring.parse_outcome import ParseOutcome, outcome_counts
from keeptune.scoring.table import METRICS

_CUE = re.compile(r"^\s*(?:the\s+)?[\w ]{0,24}?(?:answer|label|topic|intent|category|class)\s*(?::|\bis\b)\s*", re.I)
_EDGES = " \t\r\n\"'`*_.,;:!?()[]{}“”‘’"


class ParsedLabel(NamedTuple):
    """The index of the choice that was read; None where `outcome` is FAILED."""

    choice: int | None
    outcome: ParseOutcome


def parse_label(output: str, choices: Sequence[str]) -> ParsedLabel:
    """Read one of `choices` from a generated text.

    STRICT: the text is the choice, white space at the ends aside. LENIENT, in this order, case and quotes
    aside: the text, its first line, or either after a cue such as "The answer is", is the choice; it begins
    with the choice followed by punctuation or a line end ("No, because …", "(B) …"); or exactly one choice occurs in
    it as whole words, words inside a longer choice not counted ("not duplicates" is not "duplicates").
    """
    text = output.strip()
    for index, choice in enumerate(choices):
        if text == choice.strip():
            return ParsedLabel(index, ParseOutcome.STRICT)
    folded = [choice.strip(_EDGES).casefold() for choice in choices]
    for candidate in _candidates(text):
        found = [index for index, choice in enumerate(folded) if choice and candidate == choice]
        if len(found) == 1:
            return ParsedLabel(found[0], ParseOutcome.LENIENT)
    found = _leading(text, folded) or _mentioned(text, [choice.strip(_EDGES) for choice in choices])
    if len(found) == 1:
        return ParsedLabel(found[0], ParseOutcome.LENIENT)
    return ParsedLabel(None, ParseOutcome.FAILED)


def _candidates(text: str) -> list[str]:
    first_line = text.split("\n", 1)[0]
    forms = [text, first_line, _CUE.sub("", text), _CUE.sub("", first_line)]
    return [form.strip(_EDGES).casefold() for form in forms]


def _leading(text: str, folded: Sequence[str]) -> list[int]:
    start = _CUE.sub("", text).lstrip(_EDGES).casefold()
    return [
        i
        for i, choice in enumerate(folded)
        if choice and re.match(re.escape(choice) + r"[\"'*]*(\s*[,.;:!\n)\]]|\s+[-–—]\s)", start)
    ]


def _mentioned(text: str, choices: Sequence[str]) -> list[int]:
    """Choices that occur as whole words; a longer choice takes its words away from the shorter ones in it.

    A single letter is one only in its own case: "a mammal" names no choice A.
    """
    found: list[int] = []
    named = [choice if len(choice) == 1 else choice.casefold() for choice in choices]
    for choice in sorted(filter(None, set(named)), key=len, reverse=True):
        case = 0 if len(choice) == 1 else re.IGNORECASE
        text, times = re.subn(r"(?<!\w)" + re.escape(choice) + r"(?!\w)", "\0", text, flags=case)
        if times:
            found += [index for index, each in enumerate(named) if each == choice]
    return found


def label_accuracy(output: str, example: Example, strict: bool = False) -> ItemScore:
    """100 where the choice that was read is right; else 0, also where none could be read. Corpus: the mean.

    ``label_accuracy`` reads leniently; ``label_accuracy_strict`` counts only answers in exactly the asked
    form, so the gap between the two is format, not knowledge. How answers were read is kept in the counts
    ``parse_strict``, ``parse_lenient``, ``parse_failed``.
    """
    right = right_choices(example, "label_accuracy")
    parsed = parse_label(output, example.choices)
    accepted = parsed.outcome is ParseOutcome.STRICT or not strict
    return mean_score(100.0 * (accepted and parsed.choice in right), **outcome_counts(parsed.outcome))


METRICS.add("label_accuracy", MeanMetric("label_accuracy", label_accuracy, binary=True))
_STRICT = MeanMetric("label_accuracy_strict", partial(label_accuracy, strict=True), binary=True)
METRICS.add("label_accuracy_strict", _STRICT)
