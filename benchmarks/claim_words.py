"""The one rule that decides whether a claim holds, does not hold, or is undecided."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy.special import stdtrit

Word = Literal["holds", "does not hold", "undecided"]
MIN_RUNS = 3
"""Trainings per method that a statement about methods needs; fewer support statements about checkpoints only."""
BY_VERDICT: dict[str, Word] = {"kept": "holds", "lost": "does not hold"}
"""Words for the claim "the ability is kept"; every other verdict leaves it undecided."""


def word(low: float, high: float, equal: float) -> Word:
    """Judges the claim "the difference is above 0" from its 95 % interval.

    holds: the whole interval lies above 0. does not hold: the whole interval lies below 0, or within ±`equal`, where no
    difference matters. Everything else is undecided: a difference that was not shown may still exist.
    """
    if low > 0.0:
        return "holds"
    if high < 0.0 or (low > -equal and high < equal):
        return "does not hold"
    return "undecided"


def together(words: Sequence[Word]) -> Word:
    """Judges a claim that combines several statements."""
    if "does not hold" in words:
        return "does not hold"
    return "holds" if set(words) == {"holds"} else "undecided"


def opposite(found: Word) -> Word:
    """Judges the negation of a claim."""
    opposites: dict[Word, Word] = {"holds": "does not hold", "does not hold": "holds", "undecided": found}
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
