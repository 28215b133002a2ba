"""A value that does not exist, with the reason: unknown is never 0, NaN or 999."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Undefined:
    """Stands where a number would be; `reason` says why there is none."""

    reason: str
