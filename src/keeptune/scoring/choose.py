"""The metrics that fit a data set, where the user names none."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from statistics import median
from typing import NamedTuple

from keeptune.errors import MetricError
from keeptune.records import Answer, Example
from keeptune.scoring.baselines import SHORT_WORDS
from keeptune.scoring.body import looks_like_code, prompt_bodies
from keeptune.scoring.custom import Custom
from keeptune.scoring.entities import parse_entities
from keeptune.scoring.metric import Metric, references_of
from keeptune.scoring.parse_outcome import ParseOutcome
from keeptune.scoring.table import get_metric

MOST_ROWS = 20_000
"""Of more, so many are looked at, evenly spaced: the choice must not take longer than the scoring."""
LIKENED = 400
"""Rows whose answers are laid beside their prompts, which takes longest."""

_FINAL = re.compile(r"(?:answer is|####|=)\s*\$?-?[\d,.]+\W*$", re.I)
_NUMBER = re.compile(r"^[-+$€£]?[\d.,]+%?$")


class _Rule(NamedTuple):
    """The first rule that fits decides."""

    fits: Callable[[Sequence[Example]], bool]
    metrics: tuple[str, ...]
    reason: str


def choose_metrics(examples: Sequence[Example]) -> tuple[tuple[str, ...], str]:
    """(metric names, the primary one first and token_loss last; the reason in one sentence).

    The same rows give the same metrics: give all rows of a file, not those that happen to be asked.

    Raises:
        MetricError: there are no examples.
    """
    if not examples:
        raise MetricError("no examples to choose a metric from", "name one with --metric")
    rows = _spaced(examples, MOST_ROWS)
    for rule in _RULES:
        if rule.fits(rows) and not any(refused_by(get_metric(name), examples) for name in rule.metrics):
            return (*rule.metrics, "token_loss"), rule.reason
    return (
        "rouge1",
        "rouge2",
        "rougeL",
        "token_loss",
    ), "Answers are running text, scored against references."


def _spaced(examples: Sequence[Example], most: int) -> Sequence[Example]:
    return examples[:: max(1, -(-len(examples) // most))]


def refused_by(metric: Metric, examples: Sequence[Example]) -> MetricError | None:
    """What the metric says of the first example that it cannot score, whatever the answer; None where there is none, or
    where that cannot be known beforehand."""
    if metric.needs != "output" or isinstance(metric, Custom):
        return None
    for example in examples:
        try:
            metric.item(Answer(example.id, ""), example)
        except MetricError as error:
            return error
    return None


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags)


def _no_prompts(examples: Sequence[Example]) -> bool:
    return _share([not example.prompt_text.strip() for example in examples]) >= 0.9


def _closed(examples: Sequence[Example]) -> bool:
    return all(len(example.choices) > 1 for example in examples)


def _entity_lists(examples: Sequence[Example]) -> bool:
    """Lists of "type: name" or none, with few types: two or more types, or lists of several entries."""
    parsed = [parse_entities(example.completion) for example in examples]
    if _share([each.outcome is ParseOutcome.STRICT for each in parsed]) < 0.95:
        return False
    entries = [kind for each in parsed for kind, _ in each.entities.elements()]
    several = any(each.entities.total() > 1 for each in parsed)
    few_types = 2 * len(set(entries)) <= len(entries)
    return few_types and (several or len(set(entries)) > 1)


def _final_answers(examples: Sequence[Example]) -> bool:
    return not _short(examples) and _share([bool(_FINAL.search(e.completion.strip())) for e in examples]) >= 0.9


def _short(examples: Sequence[Example]) -> bool:
    return median(len(example.completion.split()) for example in examples) <= SHORT_WORDS


def _single_or_repeated(examples: Sequence[Example]) -> bool:
    """Numbers, single words, or a few answers that repeat: half an answer is worth nothing."""
    if not _short(examples):
        return False
    answers = [example.completion.strip() for example in examples]
    if _share([len(answer.split()) == 1 for answer in answers]) >= 0.9:
        return True
    if _share([bool(_NUMBER.match(answer)) for answer in answers]) >= 0.9:
        return True
    common = Counter(answers).most_common(20)
    return len(answers) >= 20 and sum(times for _, times in common if times > 1) >= 0.95 * len(answers)


def _code(examples: Sequence[Example]) -> bool:
    return _share([looks_like_code(example.completion) for example in examples]) >= 0.4


def _edits(examples: Sequence[Example]) -> bool:
    """Answers that are nearly the body of the prompt: half of all, by the words they share in order."""
    looked_at = _spaced(examples, LIKENED)
    pairs = zip(prompt_bodies(looked_at), looked_at, strict=True)
    return median(_likeness(body, example) for body, example in pairs) >= 0.7


def _likeness(body: str, example: Example) -> float:
    words, answer_words = body.split(), example.completion.split()
    longer, shorter = max(len(words), len(answer_words)), min(len(words), len(answer_words))
    if 2 * shorter < longer:  # the likeness cannot reach the threshold, and long texts are slow
        return 0.0
    return SequenceMatcher(None, words[:300], answer_words[:300], autojunk=False).ratio()


def _translations(examples: Sequence[Example]) -> bool:
    return _share(["translat" in example.prompt_text[:400].lower() for example in examples]) >= 0.8


def _other_script(examples: Sequence[Example]) -> bool:
    """Most letters are not of the Latin alphabet without accents: `rouge-score` would see no words."""
    letters = [c for example in examples for c in example.completion[:400] if c.isalpha()]
    return bool(letters) and _share([c.isascii() for c in letters]) < 0.5


def _questions(examples: Sequence[Example]) -> bool:
    """Prompts that ask, or that hold the answer."""
    asks = ["?" in e.prompt_text or "question" in e.prompt_text.lower() for e in examples]
    holds = [any(ref.lower() in e.prompt_text.lower() for ref in references_of(e)) for e in examples]
    return _share([a or h for a, h in zip(asks, holds, strict=True)]) >= 0.5


_RULES = (
    _Rule(_no_prompts, (), "Prompts are empty: plain text, measured by the loss of its tokens."),
    _Rule(
        _closed,
        ("choice_accuracy", "label_accuracy"),
        "Every item has a closed set of choices: accuracy by likelihood, then of the label that the model writes.",
    ),
    _Rule(
        _entity_lists,
        ("entity_f1", "exact_match"),
        'Answers are lists of "type: name", or none: micro F1 over the entities.',
    ),
    _Rule(
        _final_answers,
        ("final_answer",),
        "Answers are worked solutions that end in a number: the final numbers are compared.",
    ),
    _Rule(
        lambda examples: _short(examples) and _other_script(examples),
        ("exact_match", "chrf"),
        "Answers are short and not in the Latin script: exact match, then characters in common.",
    ),
    _Rule(
        _single_or_repeated,
        ("exact_match", "token_f1"),
        "Answers are single words, numbers, or a few that repeat: each is right or wrong.",
    ),
    _Rule(
        lambda examples: _short(examples) and _questions(examples),
        ("token_f1", "exact_match"),
        "Answers are short and asked for, or found in the prompt: words in common, then exact match.",
    ),
    _Rule(
        _short,
        ("exact_match", "token_f1"),
        "Answers are short (5 words or fewer, by the median): exact match, then words in common.",
    ),
    _Rule(
        _edits,
        ("chrf", "bleu"),
        "Answers are nearly the text of the prompt, as in corrections: n-grams of characters, then of words.",
    ),
    _Rule(
        _translations,
        ("chrf", "bleu"),
        "Prompts ask for a translation: n-grams of characters, then of words.",
    ),
    _Rule(_code, ("chrf", "bleu"), "Many answers are program code: n-grams of characters, then of words."),
    _Rule(
        _other_script,
        ("chrf",),
        "Answers are not in the Latin script, which ROUGE does not read: n-grams of characters.",
    ),
)
