"""Collapse: the tuned model no longer answers, whatever the score says."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Sequence

from keeptune.numerics.wilson import wilson_interval
from keeptune.records import EvalRecord, Interval
from keeptune.scoring.choices import compared_choices
from keeptune.scoring.metric import Metric

MIN_ITEMS = 10
ONE_ANSWER = 0.9
"""Share of items with one and the same answer that is a collapse …"""
MORE_THAN_REFERENCES = 0.1
"""… if it is this much above the commonest reference's."""
NO_ANSWER = 0.5
"""Share of empty answers, or of ones that repeat themselves, that is a collapse."""
REPEATING_BYTES = 64
"""Shorter answers are not looked at for repetition …"""
REPEATING_RATIO = 0.3
"""… longer ones repeat themselves if zlib makes them this small: prose comes to 0.5 and more."""


def find_collapse(base: Sequence[EvalRecord], tuned: Sequence[EvalRecord], metric: Metric) -> str:
    """How the tuned answers collapsed, in words; "" where they did not, or the base's surely are no better.

    One answer nearly everywhere, empty answers, or ones that repeat themselves: each in a share whose 95 % interval
    lies above that of the base, and which is larger than the references' own.
    """
    after = [answer for record in tuned if (answer := given(record, metric)) is not None]
    before = [answer for record in base if (answer := given(record, metric)) is not None]
    if len(after) < MIN_ITEMS or len(before) < MIN_ITEMS:
        return ""
    references = [record.references[0] if record.references else "" for record in tuned]
    empty = _more(before, after, references, lambda text: not text.strip())
    if empty:
        return f"{empty[1]:.0%} of the tuned answers are empty (base {empty[0]:.0%})"
    answer = commonest(after)
    share, references_share = share_of(after, answer), share_of(references, commonest(references))
    own = share_of(before, commonest(before))
    if share >= max(ONE_ANSWER, references_share + MORE_THAN_REFERENCES) and _surely_more(before, after, own, share):
        before_too = share_of(before, answer)
        return f"{share:.0%} of the tuned answers are {answer[:40]!r} (base {before_too:.0%})"
    repeating = _more(before, after, references, repeats)
    if repeating:
        return f"{repeating[1]:.0%} of the tuned answers repeat themselves (base {repeating[0]:.0%})"
    return ""


def given(record: EvalRecord, metric: Metric) -> str | None:
    """The text that was generated, or the choice that was found likeliest."""
    values = record.answer.choice_loglikelihoods
    if metric.needs == "choices" and values and len(values) == len(record.choices):
        values = compared_choices(record, metric.name)
        return record.choices[values.index(max(values))]
    return record.answer.output.strip() if metric.needs == "output" and record.answer.output is not None else None


def commonest(texts: Sequence[str]) -> str:
    """The text that most items have, white space at the ends aside."""
    return Counter(text.strip() for text in texts).most_common(1)[0][0]


def share_of(texts: Sequence[str], text: str) -> float:
    """The share of items with this text."""
    return sum(each.strip() == text for each in texts) / len(texts)


def repeats(text: str) -> bool:
    """Whether a text says the same again and again."""
    raw = text.encode()
    return len(raw) >= REPEATING_BYTES and len(zlib.compress(raw, 9)) <= REPEATING_RATIO * len(raw)


def _more(
    before: Sequence[str], after: Sequence[str], references: Sequence[str], sign: Callable[[str], bool]
) -> tuple[float, float] | None:
    """(base's share, tuned share) of answers with this sign, where it is half of the tuned ones and surely more."""
    shares = [sum(map(sign, texts)) / len(texts) for texts in (before, after, references)]
    enough = shares[1] >= max(NO_ANSWER, shares[2] + MORE_THAN_REFERENCES)
    return (shares[0], shares[1]) if enough and _surely_more(before, after, shares[0], shares[1]) else None


def _surely_more(before: Sequence[str], after: Sequence[str], share_before: float, share_after: float) -> bool:
    low = wilson_interval(round(share_after * len(after)), len(after))
    high = wilson_interval(round(share_before * len(before)), len(before))
    return isinstance(low, Interval) and isinstance(high, Interval) and low.low > high.high
