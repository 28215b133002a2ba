"""Which rows go together. Pure functions of lengths and a seed, so that a resumed run sees the same batches."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

WINDOW_BATCHES = 16
"""Rows are sorted by length within a shuffled window of this many batches: like lengths, yet mixed content."""

MAX_PADDING = 0.35
"""Share of the longest row; beyond it, another pass costs less than the padding."""


def plan_epoch(
    lengths: Sequence[int], batch_size: int, seed: int, epoch: int, dealt: Collection[int] = ()
) -> list[list[int]]:
    """Batches of row indices for one epoch: each row once, rows of like length together, in random order.

    One batch may be smaller. The same arguments give the same plan on every machine.

    Args:
        dealt: rows that are spread over all batches alike, whatever their lengths.
    """
    random = np.random.Generator(np.random.Philox(key=[seed, epoch]))
    apart = set(dealt)
    order = random.permutation(len(lengths)).tolist()
    spread = [row for row in order if row in apart]
    others = [row for row in order if row not in apart]
    ends = [min(at + batch_size, len(order)) for at in range(0, len(order), batch_size)]
    # How many of the spread ones the batches up to and with each one hold.
    held = [-(-len(spread) * end // len(order)) for end in ends]
    batches: list[list[int]] = []
    first = taken = 0
    while first < len(ends):
        last = min(first + WINDOW_BATCHES, len(ends))
        rows = sorted(others[taken : ends[last - 1] - held[last - 1]], key=lambda row: lengths[row])
        for at in range(first, last):
            begun, dealt_before = (ends[at - 1], held[at - 1]) if at else (0, 0)
            room = ends[at] - begun - (held[at] - dealt_before)
            batches.append([*rows[:room], *spread[dealt_before : held[at]]])
            rows = rows[room:]
        first, taken = last, ends[last - 1] - held[last - 1]
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
