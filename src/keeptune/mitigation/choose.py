"""When a climb may stop, and which rung is chosen: by development items alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from keeptune.mitigation.rungs import DIAL, PLAIN, dial_of, training_of
from keeptune.records import DevEvidence

HALF = 0.5
"""A rung keeps an ability if its drop on the development items is at most this share of the margin. Stopping where it
is merely not shown to be lost would stop too early: with 150 items, 15 % of them changing and a true drop of 8 points,
four times in five."""
NEAR = 0.1
"""Dials nearer to each other are not told apart."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One rung, and why."""

    rung: DevEvidence
    reason: str
    enough: bool
    """It keeps every ability, and `min_gain` of the plain training's gain."""


def keeps(rung: DevEvidence) -> bool:
    """Every declared ability's drop is at most half its margin."""
    return rung.worst <= HALF


def share_of_gain(rung: DevEvidence, plain: DevEvidence) -> float:
    """The rung's gain by the plain training's; 1 where that gained nothing."""
    return rung.gain / plain.gain if plain.gain > 0 else 1.0


def enough(rung: DevEvidence, plain: DevEvidence, min_gain: float) -> bool:
    """Whether the climb may stop here."""
    return keeps(rung) and share_of_gain(rung, plain) >= min_gain


def dial_between(tried: Sequence[DevEvidence], min_gain: float) -> str | None:
    """The rung in the middle of two dials of the last training, of which the larger gains enough and the smaller keeps
    everything; None where there are no such two, or they are near each other, or one between them does neither."""
    plain, training = tried[0], training_of(tried[-1].rung)
    dials = {dial_of(one.rung): one for one in tried if training_of(one.rung) == training and not one.routed}
    gaining = [share for share, one in dials.items() if share_of_gain(one, plain) >= min_gain and not keeps(one)]
    high = min(gaining, default=0.0)
    low = max((share for share, one in dials.items() if keeps(one) and share < high), default=high)
    if high - low < NEAR or any(low < share < high for share in dials):
        return None
    dial = f"{DIAL}={(low + high) / 2:g}"
    return dial if training == PLAIN else f"{training}+{dial}"


def choose(rungs: Sequence[DevEvidence], min_gain: float) -> Choice:
    """The rung to take, among those tried; `rungs` in the order of their cost, the plain training first.

    The first that is enough. Where none is, the best gain among those that keep all; where none does, the one whose
    worst drop is the smallest part of its margin.
    """
    plain = rungs[0]
    for rung in rungs:
        if enough(rung, plain, min_gain):
            return Choice(rung, _why_enough(rung, plain), True)
    keeping = [rung for rung in rungs if keeps(rung)]
    if keeping:
        best = max(keeping, key=lambda rung: rung.gain)
        share = share_of_gain(best, plain)
        why = (
            f"of the rungs that keep every ability it gains the most: {100 * share:.0f} % of the plain training's gain "
            f"on development items, less than the {100 * min_gain:.0f} % asked for"
        )
        return Choice(best, why, False)
    best = min(rungs, key=lambda rung: rung.worst)
    worst = max(best.drops, key=lambda drop: drop.share_of_margin)
    why = (
        f"no rung that was tried keeps every ability; this one loses least: {worst.name} by {worst.drop:.3g}, "
        f"with a margin of {worst.margin:g}, on development items"
    )
    return Choice(best, why, False)


def _why_enough(rung: DevEvidence, plain: DevEvidence) -> str:
    if rung.routed:
        return "the whole gain, and the base answers all other requests: nothing can be lost"
    if rung is plain:
        return "the plain training keeps every declared ability: no remedy is needed"
    share = 100 * share_of_gain(rung, plain)
    return (
        f"the first rung on which no ability falls by more than half its margin and {share:.0f} % of the plain "
        "training's gain stays, on development items"
    )
