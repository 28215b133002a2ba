"""An estimate with its confidence interval."""

from __future__ import annotations

from dataclasses import dataclass, replace

from keeptune.records.undefined import Undefined


@dataclass(frozen=True, slots=True)
class Interval:
    """`low` ≤ `estimate` ≤ `high` at `level` confidence, by `method`."""

    estimate: float
    low: float
    high: float
    level: float
    method: str


MaybeInterval = Interval | Undefined


def negated(found: MaybeInterval) -> MaybeInterval:
    """The interval of the negative: a drop as a change."""
    if isinstance(found, Undefined):
        return found
    return replace(found, estimate=0.0 - found.estimate, low=0.0 - found.high, high=0.0 - found.low)
