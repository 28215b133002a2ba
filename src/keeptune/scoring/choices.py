"""Which of an item's closed choices are right, and by what they are chosen."""

from __future__ import annotations

from keeptune.errors import MetricError
from keeptune.records import EvalRecord, Example
from keeptune.scoring.metric import references_of


def is_normalised(metric: str) -> bool:
    """Whether a metric over choices takes away the advantage of short ones."""
    return metric.endswith("_norm")


def compared_choices(record: EvalRecord, metric: str) -> tuple[float, ...]:
    """What `metric` compares: ln p of each choice, or normalised, its mean over the choice's tokens; where their number
    is unknown over its characters, as lm-evaluation-harness has it."""
    values = record.answer.choice_loglikelihoods
    if not is_normalised(metric):
        return values
    sizes = record.answer.choice_tokens or [len(choice) for choice in record.choices]
    return tuple(value / max(size, 1) for value, size in zip(values, sizes, strict=True))


def right_choices(example: Example, metric: str) -> frozenset[int]:
    """Indices of the choices that equal a reference, white space at the ends aside.

    Raises:
        MetricError: the item has fewer than two choices, or none of them is right.
    """
    if len(example.choices) < 2:
        raise MetricError(
            f"{metric} needs a closed set of choices; item {example.id} has {len(example.choices)}",
            "give each row its `choices`, or choose another metric, e.g. exact_match",
        )
    references = {reference.strip() for reference in references_of(example)}
    right = frozenset(i for i, choice in enumerate(example.choices) if choice.strip() in references)
    if not right:
        raise MetricError(
            f"{metric}: the answer of item {example.id} ({example.completion!r}) is not among its choices "
            f"{list(example.choices)}",
            "correct the row's answer or its `choices`",
        )
    return right
