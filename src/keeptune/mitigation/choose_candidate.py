"""Decide, from development items only, when a search stops and which candidate it chooses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from keeptune.mitigation.alpha_curve import AlphaCurve
from keeptune.mitigation.spec import PLAIN_NAME, MitigationSpec
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
SMALLEST = 0.25
"""α where nothing keeps every ability."""
MOST = 3
"""Interpolations of one training that are evaluated."""
HOPELESS = 1.0
"""An α whose worst drop is forecast to be a larger share of its margin is not evaluated: the forecast, a drop in
proportion to α², must then be twice too high for the α to keep the ability."""


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
    """It keeps every ability, and `min_gain` of the first training's gain."""


def keeps(candidate: DevEvidence) -> bool:
    """Whether every declared ability's drop is at most half its margin."""
    return candidate.worst <= HALF


def share_of_gain(candidate: DevEvidence, first: DevEvidence) -> float:
    """The candidate's gain divided by the first training's; 1 if that gained nothing."""
    return candidate.gain / first.gain if first.gain > 0 else 1.0


def enough(candidate: DevEvidence, first: DevEvidence, min_gain: float) -> bool:
    """Whether it keeps every ability, and `min_gain` of the first training's gain."""
    return keeps(candidate) and share_of_gain(candidate, first) >= min_gain


def has_room(candidate: DevEvidence, first: DevEvidence, min_gain: float) -> bool:
    """Whether it is enough and no drop is near the limit, so that the search may stop here."""
    return enough(candidate, first, min_gain) and candidate.worst <= ROOM


def can_be_smaller(tried: Sequence[Tried], min_gain: float) -> bool:
    """Whether another share α of the last training may be better than those that were evaluated: one of them gains
    enough and loses too much."""
    first = tried[0].evidence
    gaining = [one for one in _of_last_training(tried).values() if share_of_gain(one, first) >= min_gain]
    return bool(gaining) and not any(has_room(one, first, min_gain) for one in gaining)


def next_alpha(tried: Sequence[Tried], min_gain: float, curve: AlphaCurve) -> MitigationSpec | None:
    """The interpolation of the last training that is evaluated next, where one `can_be_smaller`.

    The loss on the validation rows says how small α can be: not below where it keeps `min_gain` of its fall, and no
    larger than where it keeps nearly all of it. Between the two, α is where the worst drop is forecast to leave room.
    If a smaller α has kept everything and gained too little, the next one lies between the two.
    """
    first, points, training = tried[0].evidence, _of_last_training(tried), tried[-1].candidate.training
    high = min(alpha for alpha, one in points.items() if share_of_gain(one, first) >= min_gain)
    smaller = [alpha for alpha in points if alpha < high]
    if sum(alpha < 1 for alpha in points) >= MOST:
        return None
    if smaller:
        low = max(smaller)
        if keeps(points[high]) or not keeps(points[low]):
            return None
        alpha = _between(low, points[low], high, points[high], min_gain * first.gain)
        return None if alpha is None else training.interpolated(alpha)
    wanted = high * math.sqrt(ROOM / points[high].worst)
    alpha = max(min(wanted, curve.least_nearly_all), curve.least(min_gain))
    if high - alpha < NEAR or points[high].worst * (alpha / high) ** 2 > HOPELESS:
        return None
    return training.interpolated(round(alpha, 2))


def _of_last_training(tried: Sequence[Tried]) -> dict[float, DevEvidence]:
    """The evidence of the last training by α."""
    training = tried[-1].candidate.training
    return {
        one.candidate.alpha: one.evidence
        for one in tried
        if one.candidate.training == training and not one.candidate.routed
    }


def _between(low: float, keeping: DevEvidence, high: float, gaining: DevEvidence, gain: float) -> float | None:
    """The middle of the α that `gain` needs and the one where the worst drop reaches its limit, both interpolated; None
    where there is nothing between the two."""

    def at(value: float, of_low: float, of_high: float) -> float:
        return low + (high - low) * (value - of_low) / (of_high - of_low)

    needed, limit = at(gain, keeping.gain, gaining.gain), at(HALF, keeping.worst, gaining.worst)
    return round((needed + limit) / 2, 2) if needed < limit and high - low >= NEAR else None


def last_resort(tried: Sequence[Tried]) -> MitigationSpec | None:
    """Where nothing that was tried keeps every ability: the α of the training that lost least at which it is forecast
    to, whatever it gains. The forecast starts from the smallest α of it that was tried."""
    if any(keeps(one.evidence) for one in tried):
        return None
    training = min(tried, key=lambda one: one.evidence.worst).candidate.training
    of_training = (one for one in tried if one.candidate.training == training)
    smallest = min(of_training, key=lambda one: one.candidate.alpha)
    alpha = max(SMALLEST, round(smallest.candidate.alpha * math.sqrt(ROOM / smallest.evidence.worst), 2))
    return training.interpolated(alpha) if alpha < smallest.candidate.alpha else None


def choose(tried: Sequence[Tried], min_gain: float) -> Choice:
    """The candidate to take, among those tried; `tried` in the order of their cost, the training first
    whose gain the others are compared with.

    The first that is enough; if it keeps an ability by little, the one of its interpolations that is enough and
    farthest inside both limits, that of the drops and that of the gain. Where none is enough, the best gain among
    those that keep all; where none does, the one whose worst drop is the smallest part of its margin.
    """
    reference = tried[0].evidence
    fit = [one for one in tried if enough(one.evidence, reference, min_gain)]
    if fit:
        first = fit[0]
        alike = (
            [one for one in fit if one.candidate.training == first.candidate.training]
            if first.evidence.worst > ROOM
            else [first]
        )
        best = min(alike, key=lambda one: _nearest_limit(one.evidence, reference, min_gain))
        return Choice(best, _why_enough(best.evidence, first.evidence, reference), True)
    keeping = [one for one in tried if keeps(one.evidence)]
    if keeping:
        best = max(keeping, key=lambda one: one.evidence.gain)
        share = share_of_gain(best.evidence, reference)
        why = (
            f"it gains the most of the candidates that keep every ability: {100 * share:.0f} % of the first training's "
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


def _nearest_limit(candidate: DevEvidence, reference: DevEvidence, min_gain: float) -> float:
    """How much of what is allowed the candidate takes, of drop or of gain, whichever is more: 1 is the limit."""
    return max(candidate.worst / HALF, (1.0 - share_of_gain(candidate, reference)) / max(1.0 - min_gain, 1e-9))


def _why_enough(candidate: DevEvidence, first: DevEvidence, reference: DevEvidence) -> str:
    if candidate.routed:
        return "the whole gain, and the base answers all other requests: nothing can be lost"
    if candidate is reference:
        why = ", so no mitigation is needed" if candidate.candidate == PLAIN_NAME else ""
        return f"the first training, {candidate.candidate}, keeps every declared ability{why}"
    share = 100 * share_of_gain(candidate, reference)
    which = (
        "first candidate"
        if candidate is first
        else f"interpolation with the most room after {first.candidate}, the first,"
    )
    return (
        f"the {which} on which no ability falls by more than half its margin and {share:.0f} % of the first "
        "training's gain stays, on development items"
    )
