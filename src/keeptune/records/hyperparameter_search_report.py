"""A HyperparameterSearchReport: the learning rates and epochs that were tried, and those that were chosen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SearchTrial:
    """One short training."""

    lr: float
    epochs: float
    loss: float | None
    """The best on the validation slice, nats a completion token. None: it was broken off."""
    drift: float | None
    """KL(base ‖ tuned) on text of the base, nats per token, at that point. None: it was broken off."""
    seconds: float


@dataclass(frozen=True, slots=True)
class HyperparameterSearchReport:
    """The search of one run."""

    trials: tuple[SearchTrial, ...]
    """In the order they were tried; the first has the default settings."""
    max_drift: float
    lr: float
    epochs: float
    reason: str
    within: bool
    """Whether the choice drifts no further than `max_drift`."""
