"""Layout of the drawings: changes with intervals, and all changes on one line. Below 0 is worse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from keeptune.records import AbilityReport, Comparison, Interval, Verdict
from keeptune.report.html.axis import Axis, axis_over
from keeptune.report.phrases import is_loss, unit

SEVERITY: tuple[Verdict, ...] = ("lost", "collapsed", "inconclusive", "kept", "not measurable")
CLEARANCE = 4.5
"""Minimum distance of two marks in a lane, in percent of the width, so that marks do not touch on a phone."""


@dataclass(frozen=True, slots=True)
class Panel:
    """Abilities with the same unit, which share an axis."""

    unit: str
    axis: Axis
    abilities: tuple[AbilityReport, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """One ability on the line."""

    ability: AbilityReport
    change: float
    lane: int


@dataclass(frozen=True, slots=True)
class Strip:
    """Changes of abilities, and the task's gain, in points on one line."""

    axis: Axis
    task: float | None
    marks: tuple[Mark, ...]
    lanes: int
    apart: tuple[AbilityReport, ...]
    """Abilities that are not drawn: another unit, or no interval."""


def ordered(abilities: Sequence[AbilityReport]) -> tuple[AbilityReport, ...]:
    """Declared abilities first, then by the severity of the verdict, then by the drop."""

    def key(ability: AbilityReport) -> tuple[bool, int, float]:
        drop = ability.drop.estimate if isinstance(ability.drop, Interval) else float("-inf")
        return not ability.declared, SEVERITY.index(ability.verdict), -drop

    return tuple(sorted(abilities, key=key))


def panels(abilities: Sequence[AbilityReport]) -> tuple[Panel, ...]:
    """One panel per unit, points first."""
    found: list[Panel] = []
    units = dict.fromkeys(unit(ability.metric) for ability in abilities)
    for counted_in in sorted(units, key=lambda name: name != "points"):
        group = [ability for ability in ordered(abilities) if unit(ability.metric) == counted_in]
        drops = [ability.drop for ability in group if isinstance(ability.drop, Interval)]
        values = [value for drop in drops for value in (drop.low, drop.high)]
        axis = axis_over([-value for value in (*values, *(ability.margin for ability in group))])
        found.append(Panel(counted_in, axis, tuple(group)))
    return tuple(found)


def strip(task: Comparison | None, abilities: Sequence[AbilityReport]) -> Strip | None:
    """The line; None if nothing can be drawn on it."""
    placed = {
        a.name: 0.0 - a.drop.estimate for a in abilities if isinstance(a.drop, Interval) and not is_loss(a.metric)
    }
    gain = _gain(task)
    if not placed:
        return None
    axis = axis_over([*placed.values(), *([] if gain is None else [gain])])
    marks: list[Mark] = []
    ends: list[float] = []
    for ability in sorted((a for a in abilities if a.name in placed), key=lambda a: placed[a.name]):
        change = placed[ability.name]
        at = float(axis.at(change).rstrip("%"))
        lane = next((lane for lane, end in enumerate(ends) if at - end >= CLEARANCE), len(ends))
        ends[lane : lane + 1] = [at]
        marks.append(Mark(ability, change, lane))
    apart = tuple(ability for ability in abilities if ability.name not in placed)
    return Strip(axis, gain, tuple(marks), len(ends), apart)


def _gain(task: Comparison | None) -> float | None:
    """How much better the tuned model is at its task, in points."""
    if task is None or is_loss(task.metric) or not isinstance(task.gain, Interval):
        return None
    return task.gain.estimate
