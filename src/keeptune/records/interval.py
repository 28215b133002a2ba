"""An estimate with its confidence interval."""

from __future__ import annotations

from dataclasses import dataclass

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
