"""Signs that a score does not mean what it seems to mean, in words."""

from __future__ import annotations

from collections.abc import Sequence

from keeptune.forgetting.collapse import MIN_ITEMS, MORE_THAN_REFERENCES, commonest, given, share_of
from keeptune.forgetting.measurable import score_interval
from keeptune.forgetting.paired_scores import score_of
from keeptune.records import EvalRecord, Interval
from keeptune.scoring.metric import Metric

SAME_ANSWER = 0.8
"""Share of items with one and the same answer from which on a model is degenerate, if it is also surely more common
than the commonest reference; see `keeptune.forgetting.collapse` for when that is a collapse."""
EMPTY = 0.1
"""Share of empty answers from which on they are told."""


def find_flags(
    base: Sequence[EvalRecord], tuned: Sequence[EvalRecord], metric: Metric, chance: float | None
) -> tuple[str, ...]:
    """All flags of one ability, each beginning with its name; `base` and `tuned` hold the same items in one order."""
    found = (
        _below_chance(tuned, metric, chance),
        _degenerate(base, tuned, metric),
        _empty(base, tuned),
        _identical(base, tuned),
        _not_scored(base, tuned, metric),
    )
    return tuple(flag for flag in found if flag)


def _below_chance(tuned: Sequence[EvalRecord], metric: Metric, chance: float | None) -> str:
    if chance is None:
        return ""
    own = score_interval(tuned, metric)
    if not isinstance(own, Interval):
        return ""
    below = own.high < chance if metric.higher_is_better else own.low > chance
    return f"below chance: {own.estimate:.1f}, where guessing gives {chance:.1f}" if below else ""


def _degenerate(base: Sequence[EvalRecord], tuned: Sequence[EvalRecord], metric: Metric) -> str:
    answers = [answer for record in tuned if (answer := given(record, metric)) is not None]
    if len(answers) < MIN_ITEMS:
        return ""
    texts = [record.references[0] if record.references else "" for record in tuned]
    answer = commonest(answers)
    share, references = share_of(answers, answer), share_of(texts, commonest(texts))
    if share < SAME_ANSWER or share < references + MORE_THAN_REFERENCES:
        return ""
    before = sum(given(record, metric) == answer for record in base) / len(base)
    return (
        f"degenerate: {share:.0%} of the tuned answers are {answer[:40]!r} (base {before:.0%}; the commonest reference "
        f"makes up {references:.0%})"
    )


def _empty(base: Sequence[EvalRecord], tuned: Sequence[EvalRecord]) -> str:
    before, after = _empty_share(base), _empty_share(tuned)
    return f"empty answers: {after:.0%} of the tuned, {before:.0%} of the base" if after >= EMPTY else ""


def _empty_share(records: Sequence[EvalRecord]) -> float:
    outputs = [record.answer.output for record in records if record.answer.output is not None]
    return sum(not output.strip() for output in outputs) / len(outputs) if outputs else 0.0


def _identical(base: Sequence[EvalRecord], tuned: Sequence[EvalRecord]) -> str:
    same = all(before.answer == after.answer for before, after in zip(base, tuned, strict=True))
    return (
        "identical: both models gave the same answer to every item; check that they are two different models"
        if base and same
        else ""
    )


def _not_scored(base: Sequence[EvalRecord], tuned: Sequence[EvalRecord], metric: Metric) -> str:
    sides = [sum(score_of(record, metric).value is None for record in side) for side in (base, tuned)]
    if not any(sides):
        return ""
    return f"not scored: {sides[1]} of {len(tuned)} tuned answers, {sides[0]} of the base's"
