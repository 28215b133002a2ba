"""When a climb may stop, and which rung is chosen: by development items alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from keeptune.mitigation.candidates import DIAL, DIALS, PLAIN, dial_of, training_of
from keeptune.records import DevEvidence

HALF = 0.5
"""A rung keeps an ability if its drop on the development items is at most this share of the margin. Stopping where it
is merely not shown to be lost would stop too early: with 150 items, 15 % of them changing and a true drop of 8 points,
four times in five."""
ROOM = 0.25
"""A rung whose worst drop is a larger share of its margin keeps an ability by little, so that its dials are asked, too:
of 2.5 points at a margin of 5, the interval over a thousand items mostly reaches beyond the margin."""
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


def next_dial(tried: Sequence[DevEvidence], min_gain: float) -> str | None:
    """A dial of the last training that is worth asking before any other rung.

    Where the last rung is enough, but with little room, the next smaller of `DIALS`; where none is, the middle of two,
    of which the larger gains enough and the smaller keeps everything, unless they are near or one between them does
    neither.
    """
    plain, last = tried[0], tried[-1]
    training = training_of(last.rung)
    dials = {dial_of(one.rung): one for one in tried if training_of(one.rung) == training and not one.routed}
    if enough(last, plain, min_gain):
        smaller = (share for share in map(dial_of, DIALS) if share < dial_of(last.rung))
        share = next(smaller, None) if last.worst > ROOM else None
        return None if share is None or share in dials else _dialed(training, share)
    if any(enough(one, plain, min_gain) for one in dials.values()):
        return None
    gaining = [share for share, one in dials.items() if share_of_gain(one, plain) >= min_gain and not keeps(one)]
    high = min(gaining, default=0.0)
    low = max((share for share, one in dials.items() if keeps(one) and share < high), default=high)
    if high - low < NEAR or any(low < share < high for share in dials):
        return None
    return _dialed(training, (low + high) / 2)


def _dialed(training: str, share: float) -> str:
    dial = f"{DIAL}={share:g}"
    return dial if training == PLAIN else f"{training}+{dial}"


def choose(rungs: Sequence[DevEvidence], min_gain: float) -> Choice:
    """The rung to take, among those tried; `rungs` in the order of their cost, the plain training first.

    The first that is enough; if it keeps an ability by little, the one of its dials that is enough and farthest inside
    both limits, that of the drops and that of the gain. Where none is enough, the best gain among those that keep all;
    where none does, the one whose worst drop is the smallest part of its margin.
    """
    plain = rungs[0]
    fit = [rung for rung in rungs if enough(rung, plain, min_gain)]
    if fit:
        first, training = fit[0], training_of(fit[0].rung)
        alike = [rung for rung in fit if training_of(rung.rung) == training] if first.worst > ROOM else [first]
        best = min(alike, key=lambda rung: _nearest_limit(rung, plain, min_gain))
        return Choice(best, _why_enough(best, first, plain), True)
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


def _nearest_limit(rung: DevEvidence, plain: DevEvidence, min_gain: float) -> float:
    """How much of what is allowed the rung takes, of drop or of gain, whichever is more: 1 is the limit."""
    return max(rung.worst / HALF, (1.0 - share_of_gain(rung, plain)) / max(1.0 - min_gain, 1e-9))


def _why_enough(rung: DevEvidence, first: DevEvidence, plain: DevEvidence) -> str:
    if rung.routed:
        return "the whole gain, and the base answers all other requests: nothing can be lost"
    if rung is plain:
        return "the plain training keeps every declared ability: no remedy is needed"
    share = 100 * share_of_gain(rung, plain)
    which = "first rung" if rung is first else f"dial with the most room after {first.rung}, the first,"
    return (
        f"the {which} on which no ability falls by more than half its margin and {share:.0f} % of the plain "
        "training's gain stays, on development items"
    )
