"""One row of drift: the distance of the tuned model's next-token distributions from the base's."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from keeptune.records import DriftRow, Interval, MaybeInterval, Undefined
from keeptune.statistics.jackknife import score_jackknife

BEYOND = 4.0
"""A sequence that was not sampled may drift as many times as far as the farthest of those that were: KL has no bound,
and a few sequences hold most of it."""


def drift_row(on: str, sums: Sequence[tuple[float, int]], level: float = 0.95) -> DriftRow:
    """Σ KL(base ‖ tuned) / Σ tokens in nats per token, the score test of the jackknife by
    sequence; the lower limit is cut at 0.

    Args:
        on: the kind of text, e.g. ``task prompts``.
        sums: of each sequence, (Σ KL over its positions, the number of positions); those without any are left out.
    """
    counted = [(kl, tokens) for kl, tokens in sums if tokens > 0]
    tokens = sum(tokens for _, tokens in counted)
    return DriftRow(on=on, kl=_mean(counted, level), tokens=tokens, sequences=len(counted))


def _mean(sums: Sequence[tuple[float, int]], level: float) -> MaybeInterval:
    if not sums:
        return Undefined("no sequence has a token")
    broken = sum(not math.isfinite(kl) for kl, _ in sums)
    if broken:
        return Undefined(f"the KL of {broken} of {len(sums)} sequences is not a finite number")
    counts = np.array(sums, dtype=np.float64)
    result = score_jackknife(counts, lambda summed: float(summed[0] / summed[1]), counts[:, 1])
    if isinstance(result, Undefined):
        return Undefined(f"1 sequence of {sums[0][0] / sums[0][1]:.3g} nats per token: an interval needs at least 2")
    found = result.interval(level, BEYOND)
    return Interval(found.estimate, max(found.low, 0.0), found.high, found.level, found.method)
