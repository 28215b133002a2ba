"""A MitigationSearchReport: every mitigation that was tried, on development items, and the one that was chosen."""

from __future__ import annotations

from dataclasses import dataclass

from keeptune.records.interval import MaybeInterval


@dataclass(frozen=True, slots=True)
class DevDrop:
    """One kept ability on its development items, in its metric's unit."""

    name: str
    metric: str
    items: int
    margin: float
    base: float
    after: float
    drop: float
    """Positive is worse."""
    interval: MaybeInterval

    @property
    def share_of_margin(self) -> float:
        """The drop by the margin."""
        return self.drop / self.margin


@dataclass(frozen=True, slots=True)
class DevEvidence:
    """What the development items say of one candidate. A choice is made by this type alone: no verdict item is in
    it."""

    candidate: str
    """``plain``, ``interpolation=0.5``, ``replay=0.05`` …"""
    cost: str
    metric: str
    """The task's, on the slice of train that no step learned from."""
    items: int
    base: float
    score: float
    gain: float
    """Positive is better."""
    drops: tuple[DevDrop, ...]
    routed: bool = False
    """The base answers all but the task: nothing can be lost."""
    trained_seconds: float = 0.0
    asked_seconds: float = 0.0

    @property
    def worst(self) -> float:
        """The largest drop by its margin; 0 where nothing was declared, or the base answers the rest."""
        return 0.0 if self.routed else max((drop.share_of_margin for drop in self.drops), default=0.0)


@dataclass(frozen=True, slots=True)
class MitigationSearchReport:
    """The search of one run."""

    candidates: tuple[DevEvidence, ...]
    """In the order they were tried."""
    chosen: str
    reason: str
    enough: bool
    """Whether the choice keeps every ability on the development items, and the gain that was asked for."""
    not_tried: tuple[str, ...]
    seconds: float
    """Of this search in all, work of earlier starts counted once."""
