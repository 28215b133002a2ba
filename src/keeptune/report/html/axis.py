"""A horizontal axis: the position of a value in percent of the width."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

TICKS = 6
"""Maximum steps between ticks; fewer if that gives round numbers."""
NOISE = 1e-9
"""Values closer than this are equal."""


@dataclass(frozen=True, slots=True)
class Axis:
    """From `low` to `high`, with `ticks` at round numbers."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def at(self, value: float) -> str:
        """``37.50%``: a relative SVG length, so that a drawing fits every width."""
        return f"{100.0 * (value - self.low) / (self.high - self.low):.2f}%"

    def down(self, value: float) -> str:
        """The same from the top of a drawing, which shows the largest value."""
        return f"{100.0 * (self.high - value) / (self.high - self.low):.2f}%"


def axis_over(values: Iterable[float]) -> Axis:
    """The axis that shows 0 and all `values` and ends at ticks of 1, 2 or 5 times a power of ten."""
    shown = [0.0, *values]
    low, high = min(shown), max(shown)
    if high - low < NOISE:
        high = low + 1.0
    step = _round_step((high - low) / TICKS)
    first, last = math.floor(low / step), math.ceil(high / step)
    ticks = tuple(round(index * step, 10) for index in range(first, last + 1))
    return Axis(ticks[0], ticks[-1], ticks)


def _round_step(least: float) -> float:
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * factor for factor in (1.0, 2.0, 5.0, 10.0) if power * factor >= least * (1 - 1e-9))
