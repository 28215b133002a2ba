"""Selective token masking: completion tokens with a low probability under the base are not learned.

Wu et al. 2025, arXiv:2501.14315: perplexity of a single token, exp(−ln p), under the base.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from keeptune.errors import TrainingError
from keeptune.inference.loglikelihood import loglikelihoods_by_token
from keeptune.models.load import LoadedModel
from keeptune.records import EncodedRow

THRESHOLD = 2.5
"""The paper's threshold: tokens of a higher perplexity (a probability below 0.4) are masked."""


@dataclass(frozen=True, slots=True)
class MaskedRows:
    """Rows with fewer tokens to learn, and what was left out."""

    rows: tuple[EncodedRow, ...]
    masked: int
    """Masked tokens, including those of dropped rows."""
    tokens: int
    """Tokens of the task's rows before."""
    dropped: int
    """Rows without any token left."""


def mask_improbable(
    base: LoadedModel, rows: Sequence[EncodedRow], token_budget: int, threshold: float = THRESHOLD
) -> MaskedRows:
    """`rows` without the task's tokens whose perplexity under `base` exceeds `threshold`; other rows stay as they are.

    Args:
        base: before its first step, and before a soft prompt is put on it.

    Raises:
        TrainingError: no token is left to learn.
    """
    task = [row for row in rows if row.role == "task"]
    likely = -math.log(threshold)
    values = iter(loglikelihoods_by_token(base, task, token_budget))
    kept = [_keep(row, (next(values) >= likely).tolist()) if row.role == "task" else row for row in rows]
    left = sum(row.learned for row in kept if row.role == "task")
    if not left:
        raise TrainingError(
            f"the base finds every completion token improbable (perplexity above {threshold:g})",
            "train without --token-weights stm, or with --token-weights talr",
        )
    tokens = sum(row.learned for row in task)
    learned = tuple(row for row in kept if row.learned or row.role != "task")
    return MaskedRows(learned, tokens - left, tokens, len(rows) - len(learned))


def _keep(row: EncodedRow, keep: Sequence[bool]) -> EncodedRow:
    """`row` with spans of only those learned tokens for which `keep` is true."""
    places = [position for start, stop in row.spans for position in range(start, stop)]
    spans: list[tuple[int, int]] = []
    for position in (place for place, kept in zip(places, keep, strict=True) if kept):
        if spans and spans[-1][1] == position:
            spans[-1] = (spans[-1][0], position + 1)
        else:
            spans.append((position, position + 1))
    return replace(row, spans=tuple(spans))
