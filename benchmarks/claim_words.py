"""The one rule by which a claim holds, does not hold, or cannot be told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy.special import stdtrit

Word = Literal["holds", "does not hold", "cannot be told"]
MIN_RUNS = 3
"""Trainings of each that speak of a method; fewer speak of their checkpoints."""
BY_VERDICT: dict[str, Word] = {"kept": "holds", "lost": "does not hold"}
"""Of "the ability is kept"; any other verdict cannot be told."""


def word(low: float, high: float, equal: float) -> Word:
    """Of the claim "the difference is above 0", by its 95 % interval.

    holds: all of it lies above 0. does not hold: all of it lies below 0, or from −`equal` to `equal`, so that there is
    no difference that matters. Else cannot be told: what is not shown is not shown not to be.
    """
    if low > 0.0:
        return "holds"
    if high < 0.0 or (low > -equal and high < equal):
        return "does not hold"
    return "cannot be told"


def together(words: Sequence[Word]) -> Word:
    """Of a claim that says several things at once."""
    if "does not hold" in words:
        return "does not hold"
    return "holds" if set(words) == {"holds"} else "cannot be told"


def opposite(found: Word) -> Word:
    """Of the claim that the other is not so."""
    opposites: dict[Word, Word] = {"holds": "does not hold", "does not hold": "holds", "cannot be told": found}
    return opposites[found]


def between_methods(
    more: Sequence[float], fewer: Sequence[float], item_error: float
) -> tuple[float, float, float] | None:
    """(mean difference, low, high) of two methods over their trainings, by Welch; None with fewer than `MIN_RUNS`.

    Args:
        more: one number a training of the first method; `fewer` of the second.
        item_error: the standard error of one such number from its items, taken as the same items' in all trainings of a
            method and as others' between the methods: never too little.
    """
    if min(len(more), len(fewer)) < MIN_RUNS:
        return None
    parts = [(float(np.var(each, ddof=1)) / len(each), len(each) - 1) for each in (more, fewer)]
    whole = sum(part for part, _ in parts) + 2.0 * item_error**2
    degrees = whole**2 / max(sum(part**2 / degrees for part, degrees in parts), 1e-12)
    difference = float(np.mean(more) - np.mean(fewer))
    reach = float(stdtrit(degrees, 0.975)) * math.sqrt(whole)
    return difference, difference - reach, difference + reach
