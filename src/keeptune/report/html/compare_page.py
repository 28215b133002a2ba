"""A comparison of methods as one HTML file without scripts: a pure view of its record."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from keeptune.records import Interval, MethodComparison, MethodRow, negated, to_plain
from keeptune.records.masked import public
from keeptune.report import phrases
from keeptune.report.html.axis import Axis, axis_over
from keeptune.report.html.footnotes import Footnotes
from keeptune.report.html.page import asset, environment, policy
from keeptune.workspace.atomic import write_text


@dataclass(frozen=True, slots=True)
class Point:
    """One method in the drawing."""

    number: int
    row: MethodRow
    gain: Interval
    change: Interval
    """Change of what counts as forgetting: below 0 is worse."""
    title: str

    @property
    def name(self) -> str:
        """Of the method."""
        return self.row.method

    @property
    def is_filled(self) -> bool:
        """Whether it is on the front."""
        return not self.row.dominated_by


@dataclass(frozen=True, slots=True)
class Scatter:
    """The drawing: gain on the vertical axis, kept abilities on the horizontal one."""

    changes: Axis
    gains: Axis
    points: tuple[Point, ...]
    apart: tuple[MethodRow, ...]
    """Methods without one of the two values."""


def write_compare_html(report: MethodComparison, path: Path) -> None:
    """Write the page to `path` atomically."""
    write_text(path, render_comparison(report))


def render_comparison(report: MethodComparison) -> str:
    """The whole page as text."""
    report = public(report)
    style = asset("report.css")
    return (
        environment()
        .get_template("compare.jinja")
        .render(
            report=report,
            policy=policy(style),
            style=style,
            scatter=scatter(report),
            notes=Footnotes(),
            abilities=list(dict.fromkeys(a.name for row in report.methods for a in row.abilities)),
            failed=[trial for trial in report.trials if trial.error],
            settings=json.dumps(to_plain(report.config), indent=2, ensure_ascii=False),
        )
    )


def scatter(report: MethodComparison) -> Scatter | None:
    """The drawing; None if no method has both a gain and a change."""
    points = [
        Point(number, row, row.gain, change, _title(report, row.method, row.gain, change))
        for number, row in enumerate(report.methods, 1)
        if isinstance(row.gain, Interval) and isinstance(change := negated(row.forgetting), Interval)
    ]
    if not points:
        return None
    return Scatter(
        changes=axis_over([value for point in points for value in (point.change.low, point.change.high)]),
        gains=axis_over([value for point in points for value in (point.gain.low, point.gain.high)]),
        points=tuple(points),
        apart=tuple(row for row in report.methods if row.method not in {point.row.method for point in points}),
    )


def _title(report: MethodComparison, name: str, gain: Interval, change: Interval) -> str:
    gained = phrases.change(report.metric, gain.estimate)
    return f"{name}: gain {gained}, change {phrases.change(report.forgetting_metric, change.estimate)}"
