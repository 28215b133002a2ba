"""What the choice of α found, the share of a trained change that a run keeps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AlphaPoint:
    """What validation rows say of one α."""

    alpha: float
    loss: float
    """Of the validation rows, nats a completion token."""
    share: float
    """Of the fall in that loss from the base to α = 1."""


@dataclass(frozen=True, slots=True)
class AlphaChoice:
    """α and why."""

    alpha: float
    reason: str
    points: tuple[AlphaPoint, ...]
    seconds: float
