"""How long rows are in tokens, and which are longer than the model reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from keeptune.records import Example

CountTokens = Callable[[Sequence[Example]], Sequence[tuple[int, int]]]
"""(prompt tokens, completion tokens) of each example, by the model's tokenizer and chat template."""


@dataclass(frozen=True, slots=True)
class LengthSummary:
    """Tokens, over the rows: percentiles by nearest rank, so each is some row's own length."""

    shortest: int
    median: int
    p95: int
    longest: int


@dataclass(frozen=True, slots=True)
class TokenLengths:
    """Lengths of the rows of one role."""

    prompt: LengthSummary
    completion: LengthSummary
    limit: int | None
    """Tokens a row at most; None where no limit is known."""
    too_long: tuple[str, ...]
    """Ids of the rows whose prompt and completion together pass the limit."""


def summarise_lengths(
    examples: Sequence[Example], counts: Sequence[tuple[int, int]], limit: int | None
) -> TokenLengths | None:
    """`counts` holds (prompt tokens, completion tokens) of each example; None where there is no example."""
    if not examples:
        return None
    rows = list(zip(examples, counts, strict=True))
    too_long = tuple(example.id for example, pair in rows if limit is not None and sum(pair) > limit)
    prompts, completions = ([pair[side] for pair in counts] for side in (0, 1))
    return TokenLengths(_summary(prompts), _summary(completions), limit, too_long)


def _summary(lengths: Sequence[int]) -> LengthSummary:
    return LengthSummary(*np.percentile(lengths, [0, 50, 95, 100], method="inverted_cdf").tolist())
