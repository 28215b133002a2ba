"""What the choice of α found, the share of a trained change that a run keeps."""

from __future__ import annotations

from dataclasses import dataclass

from keeptune.records.mitigation_search_report import DevDrop


@dataclass(frozen=True, slots=True)
class AlphaPoint:
    """What validation rows and development items say of one α."""

    alpha: float
    loss: float
    """Of the validation rows, nats a completion token."""
    share: float
    """Of the fall in that loss from the base to α = 1."""
    drops: tuple[DevDrop, ...] | None
    """Of the declared abilities; None where they were not evaluated at this α."""


@dataclass(frozen=True, slots=True)
class AlphaChoice:
    """α and why."""

    alpha: float
    reason: str
    points: tuple[AlphaPoint, ...]
    seconds: float
