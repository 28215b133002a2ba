"""Plan batches with pure functions of lengths and a seed, so that a resumed run gets the same batches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

WINDOW_BATCHES = 16
"""Rows are sorted by length within a shuffled window of this many batches: similar lengths, mixed content."""

MAX_PADDING = 0.35
"""Maximum padding, as a share of the longest row; above it, another pass costs less than the padding."""


def plan_epoch(lengths: Sequence[int], batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """Batches of row indices for one epoch: each row once, rows of similar length together, in random order.

    The last batch may be smaller. The same arguments give the same plan on every machine.
    """
    random = np.random.Generator(np.random.Philox(key=[seed, epoch]))
    order = random.permutation(len(lengths))
    batches: list[list[int]] = []
    window = WINDOW_BATCHES * batch_size
    for start in range(0, len(order), window):
        rows = sorted(order[start : start + window].tolist(), key=lambda row: lengths[row])
        batches.extend(rows[at : at + batch_size] for at in range(0, len(rows), batch_size))
    return [batches[at] for at in random.permutation(len(batches))]


def split_by_budget(
    rows: Sequence[int], lengths: Sequence[int], token_budget: int, max_padding: float = MAX_PADDING
) -> list[list[int]]:
    """Cut `rows`, sorted by length, into parts of at most `token_budget` tokens, padding counted.

    No row is padded by more than `max_padding` of the longest in its part. A single row above the budget is a
    part of its own.
    """
    parts: list[list[int]] = []
    longest = 0
    for row in sorted(rows, key=lambda row: lengths[row], reverse=True):
        fits = bool(parts) and (len(parts[-1]) + 1) * longest <= token_budget
        if fits and lengths[row] >= (1 - max_padding) * longest:
            parts[-1].append(row)
        else:
            parts.append([row])
            longest = lengths[row]
    return parts
