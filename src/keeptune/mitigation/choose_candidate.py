"""Decide, from development items only, when a search stops and which candidate it chooses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from keeptune.mitigation.candidates import ALPHAS
from keeptune.mitigation.spec import MitigationSpec
from keeptune.records import DevEvidence

HALF = 0.5
"""A candidate keeps an ability if its drop on the development items is at most this share of the margin. Stopping as
soon as a loss is not shown would be too early: with 150 items of which 15 % change and a true drop of 8 points, in four
of five cases."""
ROOM = 0.25
"""If a candidate's worst drop is a larger share of its margin, its interpolations are evaluated too: for 2.5 points at
a margin of 5, the interval over a thousand items mostly exceeds the margin."""
NEAR = 0.1
"""Minimum difference in α between two interpolations."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A candidate that was trained and evaluated."""

    candidate: MitigationSpec
    evidence: DevEvidence


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen candidate and the reason."""

    tried: Tried
    reason: str
    enough: bool
    """It keeps every ability, and `min_gain` of the plain training's gain."""


def keeps(candidate: DevEvidence) -> bool:
    """Whether every declared ability's drop is at most half its margin."""
    return candidate.worst <= HALF


def share_of_gain(candidate: DevEvidence, plain: DevEvidence) -> float:
    """The candidate's gain divided by the plain training's; 1 if that gained nothing."""
    return candidate.gain / plain.gain if plain.gain > 0 else 1.0


def enough(candidate: DevEvidence, plain: DevEvidence, min_gain: float) -> bool:
    """Whether the search may stop here."""
    return keeps(candidate) and share_of_gain(candidate, plain) >= min_gain


def next_alpha(tried: Sequence[Tried], min_gain: float) -> MitigationSpec | None:
    """An interpolation of the last training to evaluate before any other candidate.

    Where the last candidate is enough, but with little room, the next smaller of `ALPHAS`; where none is, the middle of
    two, of which the larger gains enough and the smaller keeps everything, unless they are near or one between them
    does neither.
    """
    plain, last = tried[0].evidence, tried[-1]
    training = last.candidate.training
    interpolations = {
        one.candidate.alpha: one.evidence
        for one in tried
        if one.candidate.training == training and not one.evidence.routed
    }
    if enough(last.evidence, plain, min_gain):
        smaller = (alpha for alpha in ALPHAS if alpha < last.candidate.alpha)
        alpha = next(smaller, None) if last.evidence.worst > ROOM else None
        return None if alpha is None or alpha in interpolations else training.interpolated(alpha)
    if any(enough(one, plain, min_gain) for one in interpolations.values()):
        return None
    gaining = [
        alpha for alpha, one in interpolations.items() if share_of_gain(one, plain) >= min_gain and not keeps(one)
    ]
    high = min(gaining, default=0.0)
    low = max((alpha for alpha, one in interpolations.items() if keeps(one) and alpha < high), default=high)
    if high - low < NEAR or any(low < alpha < high for alpha in interpolations):
        return None
    return training.interpolated((low + high) / 2)


def choose(tried: Sequence[Tried], min_gain: float) -> Choice:
    """The candidate to take, among those tried; `tried` in the order of their cost, the plain training first.

    The first that is enough; if it keeps an ability by little, the one of its interpolations that is enough and
    farthest inside both limits, that of the drops and that of the gain. Where none is enough, the best gain among
    those that keep all; where none does, the one whose worst drop is the smallest part of its margin.
    """
    plain = tried[0].evidence
    fit = [one for one in tried if enough(one.evidence, plain, min_gain)]
    if fit:
        first = fit[0]
        alike = (
            [one for one in fit if one.candidate.training == first.candidate.training]
            if first.evidence.worst > ROOM
            else [first]
        )
        best = min(alike, key=lambda one: _nearest_limit(one.evidence, plain, min_gain))
        return Choice(best, _why_enough(best.evidence, first.evidence, plain), True)
    keeping = [one for one in tried if keeps(one.evidence)]
    if keeping:
        best = max(keeping, key=lambda one: one.evidence.gain)
        share = share_of_gain(best.evidence, plain)
        why = (
            f"it gains the most of the candidates that keep every ability: {100 * share:.0f} % of the plain training's "
            f"gain on development items, less than the {100 * min_gain:.0f} % asked for"
        )
        return Choice(best, why, False)
    best = min(tried, key=lambda one: one.evidence.worst)
    worst = max(best.evidence.drops, key=lambda drop: drop.share_of_margin)
    why = (
        f"no tried candidate keeps every ability; this one loses least: {worst.name} by {worst.drop:.3g}, "
        f"with a margin of {worst.margin:g}, on development items"
    )
    return Choice(best, why, False)


def _nearest_limit(candidate: DevEvidence, plain: DevEvidence, min_gain: float) -> float:
    """The larger share of the limits on drop and gain that the candidate uses; 1 is the limit."""
    return max(candidate.worst / HALF, (1.0 - share_of_gain(candidate, plain)) / max(1.0 - min_gain, 1e-9))


def _why_enough(candidate: DevEvidence, first: DevEvidence, plain: DevEvidence) -> str:
    if candidate.routed:
        return "the whole gain, and the base answers all other requests: nothing can be lost"
    if candidate is plain:
        return "the plain training keeps every declared ability, so no mitigation is needed"
    share = 100 * share_of_gain(candidate, plain)
    which = (
        "first candidate"
        if candidate is first
        else f"interpolation with the most room after {first.candidate}, the first,"
    )
    return (
        f"the {which} on which no ability falls by more than half its margin and {share:.0f} % of the plain "
        "training's gain stays, on development items"
    )
