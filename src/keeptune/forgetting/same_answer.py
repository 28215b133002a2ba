"""Whether two records hold the same answer to an item."""

from __future__ import annotations

from keeptune.records import EvalRecord
from keeptune.scoring.choices import compared_choices

LOSS = 0.001
"""Nats per token: an answer that is only a loss is the same within this."""


def same_answer(before: EvalRecord, after: EvalRecord, metric: str) -> bool:
    """The same text to the same question; where `metric` reads likelihoods, the same choice, or the same loss to a
    thousandth of a nat per token."""
    if (before.prompt, before.references, before.choices) != (after.prompt, after.references, after.choices):
        return False
    then, now = before.answer, after.answer
    if then.output != now.output:
        return False
    if then.choice_loglikelihoods or now.choice_loglikelihoods:
        return _chosen(before, metric) == _chosen(after, metric)
    if then.output is None and then.reference_loglikelihood is not None:
        apart = abs(then.reference_loglikelihood - (now.reference_loglikelihood or 0.0))
        return apart <= LOSS * max(then.reference_tokens, 1)
    return True


def _chosen(record: EvalRecord, metric: str) -> int | None:
    values = compared_choices(record, metric)
    return values.index(max(values)) if values else None
