"""Collapse: the tuned model no longer answers, whatever the score says."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from keeptune.records import EvalRecord, Interval
from keeptune.scoring.choices import compared_choices
from keeptune.scoring.metric import Metric
from keeptune.scoring.metrics.label_accuracy import parse_label
from keeptune.scoring.normalise import same_answer
from keeptune.statistics.wilson import wilson_interval

MIN_ITEMS = 10
ONE_ANSWER = 0.9
"""Collapse: this share of all items, and of the items for which it is wrong, has the same answer."""
MORE_THAN_REFERENCES = 0.1
NO_ANSWER = 0.5
"""Collapse: this share of answers is empty or repeats itself, and it is `MORE_THAN_REFERENCES` above the references'
share."""
REPEATING_BYTES = 64
"""Minimum characters of an answer that is checked for repetition …"""
REPEATING_RATIO = 0.3
"""… which repeats itself if zlib compresses it to this share. Prose compresses to 0.5 or more."""


def find_collapse(base: Sequence[EvalRecord], tuned: Sequence[EvalRecord], metric: Metric) -> str:
    """How the tuned answers collapsed, in words; "" if they did not, or if the base's are no better.

    One answer nearly everywhere, also where it is wrong; empty answers; or ones that repeat themselves: each in a share
    whose 95 % interval lies above that of the base.

    Args:
        base: the items of `tuned`, in the same order.
    """
    both = list(zip(base, tuned, strict=True))
    answered = _answered(both, metric)
    if len(answered) < MIN_ITEMS:
        return ""
    references = [record.references[0] if record.references else "" for record in tuned]
    empty = _more(answered, references, lambda text: not text.strip())
    if empty:
        return f"{empty[1]:.0%} of the tuned answers are empty (base {empty[0]:.0%})"
    one = _one_answer(answered)
    if one:
        return one
    if metric.needs == "choices":
        one = _one_answer(_answered([(by_place(b), by_place(t)) for b, t in both], metric))
        if one:
            return one
    repeating = _more(answered, references, repeats)
    if repeating:
        return f"{repeating[1]:.0%} of the tuned answers repeat themselves (base {repeating[0]:.0%})"
    return ""


def given(record: EvalRecord, metric: Metric) -> str | None:
    """The generated text, or the likeliest choice."""
    values = record.answer.choice_loglikelihoods
    if metric.needs == "choices" and values and len(values) == len(record.choices):
        values = compared_choices(record, metric.name)
        return record.choices[values.index(max(values))]
    return record.answer.output.strip() if metric.needs == "output" and record.answer.output is not None else None


def by_place(record: EvalRecord) -> EvalRecord:
    """The record with its choices named by position, so that always taking the first counts as one answer."""
    names = {choice.strip(): f"choice {place}" for place, choice in enumerate(record.choices, start=1)}
    sizes = record.answer.choice_tokens or tuple(map(len, record.choices))
    return replace(
        record,
        references=tuple(names[r.strip()] for r in record.references if r.strip() in names),
        choices=tuple(f"choice {place}" for place in range(1, len(record.choices) + 1)),
        answer=replace(record.answer, choice_tokens=sizes if record.answer.choice_loglikelihoods else ()),
    )


def commonest(texts: Sequence[str]) -> str:
    """The most frequent text, stripped of white space."""
    return Counter(text.strip() for text in texts).most_common(1)[0][0]


def share_of(texts: Sequence[str], text: str) -> float:
    """The share of items with this text."""
    return sum(each.strip() == text for each in texts) / len(texts)


def repeats(text: str) -> bool:
    """Whether a text repeats itself."""
    raw = text.encode("utf-8", "surrogatepass")
    return len(raw) >= REPEATING_BYTES and len(zlib.compress(raw, 9)) <= REPEATING_RATIO * len(raw)


class _Answered(NamedTuple):
    """The answers of both models to one item."""

    before: str
    after: str
    record: EvalRecord
    """The tuned model's."""

    def is_right_with(self, answer: str) -> bool:
        """Whether this answer contains one of the references."""
        record = self.record
        if any(same_answer(answer, reference) for reference in record.references):
            return True
        taken = parse_label(answer, record.choices).choice if len(record.choices) > 1 else None
        return taken is not None and record.choices[taken].strip() in {each.strip() for each in record.references}


def _answered(both: Sequence[tuple[EvalRecord, EvalRecord]], metric: Metric) -> list[_Answered]:
    texts = [(given(b, metric), given(t, metric), t) for b, t in both]
    return [_Answered(b.strip(), t.strip(), record) for b, t, record in texts if b is not None and t is not None]


def _one_answer(answered: Sequence[_Answered]) -> str:
    """The finding that nearly all items get the same answer, right or wrong; else ""."""
    answer = commonest([each.after for each in answered])
    share = share_of([each.after for each in answered], answer)
    wrong = [each for each in answered if not each.is_right_with(answer)] if share >= ONE_ANSWER else []
    if len(wrong) < MIN_ITEMS:
        return ""
    before, after = [each.before for each in wrong], [each.after for each in wrong]
    share_wrong = share_of(after, answer)
    if share_wrong < ONE_ANSWER or not _surely_more(share_of(before, commonest(before)), share_wrong, len(wrong)):
        return ""
    own = share_of([each.before for each in answered], answer)
    return f"{share:.0%} of the tuned answers are {answer[:40]!r} (base {own:.0%})"


def _more(
    answered: Sequence[_Answered], references: Sequence[str], sign: Callable[[str], bool]
) -> tuple[float, float] | None:
    """(base's share, tuned share) of answers with this sign, if it is at least half of the tuned ones and significantly
    more."""
    before = sum(sign(each.before) for each in answered) / len(answered)
    after = sum(sign(each.after) for each in answered) / len(answered)
    of_references = sum(map(sign, references)) / len(references)
    enough = after >= max(NO_ANSWER, of_references + MORE_THAN_REFERENCES)
    return (before, after) if enough and _surely_more(before, after, len(answered)) else None


def _surely_more(share_before: float, share_after: float, items: int) -> bool:
    low, high = (wilson_interval(round(share * items), items) for share in (share_after, share_before))
    return isinstance(low, Interval) and isinstance(high, Interval) and low.low > high.high
