"""What a model writes instead of an answer: nothing, the prompt, a refusal, repeated text …"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from keeptune.forgetting.answer_language import language_of, usual_languages
from keeptune.forgetting.collapse import MORE_THAN_REFERENCES, by_place, given, repeats
from keeptune.forgetting.compare import Pair
from keeptune.forgetting.shares import share, share_difference
from keeptune.records import EvalRecord, Interval
from keeptune.scoring.metric import Metric
from keeptune.scoring.metrics.label_accuracy import parse_label
from keeptune.scoring.normalise import same_answer, squad_normalise

Sign = Literal["empty", "same answer", "copied prompt", "repeating", "refusing", "other language", "truncated"]

MOST = 0.5
"""A sign explains a fall if significantly more than this share of the fallen answers show it, and did not before."""
SOME = 0.2
"""At this share or above, the answers support no other conclusion."""
SAME = 0.8
"""Share of one and the same answer, where that is also more than the commonest reference's and the base's."""
MIN_FELL = 10
SHOWN_CHARACTERS = 40
COPIED_WORDS, COPIED_RUN, COPIED = 5, 4, 0.8
"""A copy has at least this many words, and this share of its runs of four words occurs in the prompt."""
CIRCLE_WORDS, DISTINCT = 8, 0.4
"""An answer of this many words repeats itself if a smaller share of its runs of three words is distinct."""

_REFUSAL = re.compile(
    r"\b(?:i\s*(?:'|’)?\s*a?m\s+(?:very\s+|so\s+)?"
    r"(?:sorry(?!,? (?:to hear|for|about|that))|unable|not\s+(?:able|sure|certain))"
    r"|i\s+(?:can(?:not|\s*['’]?t)|could\s*n['’]?t|could\s+not|won['’]?t|will\s+not|am\s+not\s+allowed)\b"
    r"|i\s+(?:do\s+not|don['’]?t|did\s+not|didn['’]?t)\s+(?:know|have|understand|see)"
    r"|as\s+an?\s+(?:ai|language\s+model|assistant)\b|unfortunately\b"
    r"|(?:it|this)\s+is\s+(?:not\s+possible|impossible)\s+to|(?:cannot|can['’]t)\s+be\s+(?:determined|answered|told)"
    r"|not\s+enough\s+information|unable\s+to\s+(?:answer|help|assist|determine|provide))",
    re.I,
)
REFUSAL_WITHIN = 80
"""A refusal begins within this many characters."""


@dataclass(frozen=True, slots=True)
class Signs:
    """Signs in the answers to the items that fell, as shares of these: the tuned model's minus the base's."""

    fell: int
    shares: Mapping[Sign, float]
    most: Sign | None
    """The sign that significantly more than half of them show, or None."""
    any_share: float
    """Share of answers with any of the signs."""
    detail: str = ""
    """The repeated answer, or the language."""


def find_signs(pairs: Sequence[Pair], fell: Sequence[Pair], metric: Metric) -> Signs:
    """The signs of the tuned answers to the items that fell. An answer has the first sign that applies. Where choices
    are ranked, the one that is taken stands for the answer, and nothing but the same one everywhere is a sign.

    Args:
        pairs: all items: which answer is given everywhere, and in which languages, is told from these.
    """
    if metric.needs == "choices":
        pairs, fell = _as_taken(pairs, fell, metric)
    answered = [(b, t) for b, t in fell if b.answer.output is not None and t.answer.output is not None]
    if len(answered) < MIN_FELL:
        return Signs(len(fell), {}, None, 0.0)
    reader = _Reader(pairs)
    signs: list[tuple[Sign | None, Sign | None]] = [(reader.sign(b, base=True), reader.sign(t)) for b, t in answered]
    clusters = [b.cluster for b, _ in answered]
    shares: dict[Sign, float] = {}
    most = None
    for sign in dict.fromkeys(after for _, after in signs if after):
        before, now = [b == sign for b, _ in signs], [t == sign for _, t in signs]
        difference = share_difference(before, now, clusters)
        shares[sign] = share(now) - share(before)
        if isinstance(difference, Interval) and difference.low > MOST:
            most = sign
    new = [after is not None and after != before for before, after in signs]
    return Signs(len(answered), shares, most, share(new), reader.detail(most, [t for _, t in answered]))


def _as_taken(pairs: Sequence[Pair], fell: Sequence[Pair], metric: Metric) -> tuple[list[Pair], list[Pair]]:
    """All and those that fell, the choice that is taken as what was written: its place, where that is always the same,
    and its text is not."""
    found, of_fell = ([(_taken(b, metric), _taken(t, metric)) for b, t in each] for each in (pairs, fell))
    places, of_fell_by_place = (
        [(_taken(by_place(b), metric), _taken(by_place(t), metric)) for b, t in each] for each in (pairs, fell)
    )
    by_text, by_places = (_given_everywhere([b for b, _ in each], [t for _, t in each]) for each in (found, places))
    return (places, of_fell_by_place) if by_places and not by_text else (found, of_fell)


def _taken(record: EvalRecord, metric: Metric) -> EvalRecord:
    """The record with the likeliest choice as what was written."""
    return replace(record, answer=replace(record.answer, output=given(record, metric), finish="stop"))


class _Reader:
    """Facts about all answers that are needed to classify one."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        base, tuned = [b for b, _ in pairs], [t for _, t in pairs]
        self._same = _given_everywhere(base, tuned)
        expected = usual_languages([*_outputs(base), *(r for each in base for r in each.references)])
        self._languages = expected or usual_languages(record.prompt for record in base)

    def sign(self, record: EvalRecord, *, base: bool = False) -> Sign | None:
        text = record.answer.output or ""
        if any(same_answer(text, reference) for reference in record.references):
            return None
        if not re.search(r"\w", text):
            return "empty"
        if _refuses(record):
            return "refusing"
        if not base and self._same and squad_normalise(text) == self._same:
            return "same answer"
        if text.strip() in {choice.strip() for choice in record.choices}:
            return None
        if _goes_in_circles(text):
            return "repeating"
        if _is_copy(text, record):
            return "copied prompt"
        language = language_of(text)
        if language and self._languages and language not in self._languages:
            return "other language"
        return "truncated" if record.answer.finish == "length" else None

    def detail(self, sign: Sign | None, tuned: Sequence[EvalRecord]) -> str:
        if sign == "same answer":
            return repr(shortened(tuned[0].answer.output or ""))
        if sign == "other language":
            found = Counter(language for text in _outputs(tuned) if (language := language_of(text)))
            return found.most_common(1)[0][0]
        return ""


def shortened(text: str) -> str:
    """On one line, its beginning."""
    text = " ".join(text.split())
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def _outputs(records: Sequence[EvalRecord]) -> list[str]:
    return [record.answer.output for record in records if record.answer.output is not None]


def _given_everywhere(base: Sequence[EvalRecord], tuned: Sequence[EvalRecord]) -> str:
    """The normalised answer that the tuned model gives to nearly all items, and the base does not; "" if none."""
    answers = [squad_normalise(text) for text in _outputs(tuned)]
    if not answers:
        return ""
    answer, times = Counter(answers).most_common(1)[0]
    references = Counter(squad_normalise(record.references[0]) for record in tuned if record.references)
    usual = max(references.values(), default=0) / max(len(tuned), 1)
    before = [squad_normalise(text) == answer for text in _outputs(base)]
    now = times / len(answers)
    return answer if now >= SAME and now >= max(usual, share(before or [False])) + MORE_THAN_REFERENCES else ""


def _goes_in_circles(text: str) -> bool:
    words = text.casefold().split()
    if len(words) >= CIRCLE_WORDS:
        runs = [tuple(words[i : i + 3]) for i in range(len(words) - 2)]
        return len(set(runs)) < DISTINCT * len(runs)
    return (len(words) >= 4 and len(set(words)) == 1) or repeats(text)


def _is_copy(text: str, record: EvalRecord) -> bool:
    """Runs of four words of it stand in the prompt, and it is much longer than an answer."""
    words, longest = _plain(text), max((len(_plain(each)) for each in record.references), default=0)
    if len(words) < max(COPIED_WORDS, 2 * longest):
        return False
    prompt = f" {' '.join(_plain(record.prompt))} "
    runs = [" ".join(words[i : i + COPIED_RUN]) for i in range(len(words) - COPIED_RUN + 1)]
    return sum(f" {run} " in prompt for run in runs) >= COPIED * len(runs)


def _plain(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _refuses(record: EvalRecord) -> bool:
    """Whether it answers in its own words without naming a choice."""
    text = record.answer.output or ""
    found = _REFUSAL.search(text[:REFUSAL_WITHIN])
    if not found or found[0].casefold() in record.prompt.casefold():
        return False
    return len(record.choices) < 2 or parse_label(text, record.choices).choice is None
