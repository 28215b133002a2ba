"""A mitigation search as a drawing: each candidate's gain against what it costs the worst declared ability."""

from __future__ import annotations

from dataclasses import dataclass

from keeptune.records import DevDrop, DevEvidence, Interval, MitigationSearchReport
from keeptune.report import phrases
from keeptune.report.html.axis import Axis, axis_over


@dataclass(frozen=True, slots=True)
class Value:
    """A value with its limits, which are the value itself where no interval is known."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Tried:
    """One candidate."""

    number: int
    change: Value
    """Of the worst ability by its margin: −1 is the whole margin."""
    gain: Value
    is_filled: bool
    """Whether it was chosen."""
    title: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class SearchPicture:
    """The drawing, in development items."""

    changes: Axis
    gains: Axis
    points: tuple[Tried, ...]
    not_drawn: tuple[str, ...]
    """Candidates of which no change of an ability was measured."""


def search_picture(report: MitigationSearchReport) -> SearchPicture | None:
    """The drawing of a search; None where nothing can be drawn."""
    measured = {each.candidate for each in report.candidates if each.drops and not each.routed}
    points = tuple(
        _tried(number, each, report.chosen)
        for number, each in enumerate(report.candidates, 1)
        if each.candidate in measured
    )
    if not points:
        return None
    return SearchPicture(
        changes=axis_over([-1.0, *(limit for point in points for limit in (point.change.low, point.change.high))]),
        gains=axis_over([point.gain.estimate for point in points]),
        points=points,
        not_drawn=tuple(each.candidate for each in report.candidates if each.candidate not in measured),
    )


def _tried(number: int, candidate: DevEvidence, chosen: str) -> Tried:
    worst = max(candidate.drops, key=lambda drop: drop.share_of_margin)
    gain = candidate.gain
    return Tried(
        number,
        _change(worst),
        Value(gain, gain, gain),
        candidate.candidate == chosen,
        f"{candidate.candidate}: {phrases.candidate_line(candidate)}",
    )


def _change(drop: DevDrop) -> Value:
    found, margin = drop.interval, drop.margin
    low, high = (found.low, found.high) if isinstance(found, Interval) else (drop.drop, drop.drop)
    return Value(0.0 - drop.share_of_margin, 0.0 - high / margin, 0.0 - low / margin)
