"""The error of each of several looks at a model while it trains.

A look measures other weights on the same items, so the bound for looks at growing data (`statistics.looks`), which
knows how their sums go together, does not hold here. Bonferroni holds however they do. As in an evaluation that may
stop early (`forgetting.sequential`), the looks before the last share `EARLY` of the error, and the last has the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

from keeptune.forgetting.sequential import EARLY
from keeptune.statistics.planning import ALPHA


@dataclass(frozen=True, slots=True)
class LookErrors:
    """One-sided errors, which together are at most that of one measurement."""

    early: float
    """Of each look before the last."""
    last: float


def look_errors(early: int) -> LookErrors:
    """The errors where `early` looks are planned before the last one."""
    return LookErrors(EARLY * ALPHA / early, (1.0 - EARLY) * ALPHA) if early else LookErrors(0.0, ALPHA)
