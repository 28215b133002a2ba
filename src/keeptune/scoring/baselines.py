"""Outputs without a model: what a score is worth shows beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median

from keeptune.records import Example
from keeptune.scoring.body import prompt_bodies, units

SHORT_WORDS = 5
"""Completions of at most this many words, by the median, are short answers."""
MAJORITY_SHARE = 0.02
"""Of open answers, the most frequent one must be at least this share of train to be worth a baseline."""


def baseline_outputs(train: Sequence[Example], test: Sequence[Example]) -> dict[str, list[str]]:
    """Name → one output a test item, for those baselines that make sense for these examples.

    ``majority``: the most frequent completion of train, for closed choices and short answers; left out where
    answers are open and none is frequent. For longer answers, from the body of the prompt: ``lead-1`` and
    ``lead-3``, its first one and three sentences (turns of a dialogue, lines of code), where most bodies have
    more; ``copy``, the whole body, where bodies are at most twice as long as answers.
    """
    if not test:
        return {}
    outputs: dict[str, list[str]] = {}
    answers = [example.completion for example in (train or test)]
    answer_words = median(len(answer.split()) for answer in answers)
    closed = all(example.choices for example in test)
    if closed or answer_words <= SHORT_WORDS:
        common = Counter(example.completion for example in train).most_common(1)
        if common and (closed or common[0][1] >= max(2, MAJORITY_SHARE * len(train))):
            outputs["majority"] = [common[0][0]] * len(test)
        return outputs
    bodies = prompt_bodies(test)
    if sum(bool(body) for body in bodies) < 0.9 * len(bodies):
        return outputs
    cut = [units(body) for body in bodies]
    for lead in (1, 3):
        if 2 * sum(len(parts) > lead for parts in cut) > len(cut):
            outputs[f"lead-{lead}"] = [_join(parts[:lead], body) for parts, body in zip(cut, bodies, strict=True)]
    if median(len(body.split()) for body in bodies) <= 2 * answer_words:
        outputs["copy"] = bodies
    return outputs


def _join(parts: Sequence[str], body: str) -> str:
    """Lines stay lines, sentences of one line are joined by spaces."""
    lines = {line.rstrip() for line in body.split("\n")}
    return ("\n" if all(part in lines for part in parts) else " ").join(parts)
