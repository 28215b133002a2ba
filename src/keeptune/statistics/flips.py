"""Flips: how many items went up, down or stayed. A net difference hides them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Flips(NamedTuple):
    """Counts of items by the direction in which their own score moved."""

    rose: int
    fell: int
    unchanged: int


def count_flips(before: Sequence[float], after: Sequence[float]) -> Flips:
    """Compare paired item scores, exactly: the scores are deterministic, so any difference is one."""
    if len(before) != len(after):
        raise ValueError(f"paired scores need equal lengths, got {len(before)} and {len(after)}")
    rose = sum(a > b for b, a in zip(before, after, strict=True))
    fell = sum(a < b for b, a in zip(before, after, strict=True))
    return Flips(rose, fell, len(before) - rose - fell)
