"""A learning curve as one HTML file without scripts: a pure view of its record."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from keeptune.records import Interval, LearningCurve, negated, to_plain
from keeptune.records.masked import public
from keeptune.report.curve import backtest_line
from keeptune.report.html.axis import Axis, axis_over
from keeptune.report.html.footnotes import Footnotes
from keeptune.report.html.page import asset, environment, policy
from keeptune.report.phrases import unit
from keeptune.workspace.atomic import write_text


@dataclass(frozen=True, slots=True)
class Dot:
    """A value with its interval, each place an SVG length in percent."""

    x: str
    y: str
    low: str
    high: str
    title: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """Values against the number of examples."""

    title: str
    sizes: Axis
    values: Axis
    dots: tuple[Dot, ...]
    line: str
    """SVG points, in percent, of the middle line: the fit, or the line through the dots."""
    band: str
    """SVG points of the band around the fit; "" without a fit."""


def write_curve_html(report: LearningCurve, path: Path) -> None:
    """Write the page to `path` atomically."""
    write_text(path, render_curve(report))


def render_curve(report: LearningCurve) -> str:
    """The whole page as text."""
    report = public(report)
    style = asset("report.css")
    return (
        environment()
        .get_template("curve.jinja")
        .render(
            report=report,
            policy=policy(style),
            style=style,
            drawings=drawings(report),
            notes=Footnotes(),
            backtest=backtest_line(report),
            abilities=list(dict.fromkeys(a.name for point in report.points for a in point.abilities)),
            failed=[trial for trial in report.trials if trial.error],
            settings=json.dumps(to_plain(report.config), indent=2, ensure_ascii=False),
        )
    )


def drawings(report: LearningCurve) -> tuple[Drawing, ...]:
    """The gain with its fit, then each ability's change."""
    gains = [(point.size, point.gain) for point in report.points]
    fitted = [(place.size, place.gain) for place in report.fitted]
    found = [_drawing(f"gain, {report.metric}", gains, fitted)]
    names = dict.fromkeys((a.name, a.metric) for point in report.points for a in point.abilities)
    for name, metric in names:
        changes = [(point.size, negated(a.drop)) for point in report.points for a in point.abilities if a.name == name]
        found.append(_drawing(f"change of {name}, {unit(metric)}", changes, []))
    return tuple(drawing for drawing in found if drawing is not None)


def _drawing(
    title: str, dots: Iterable[tuple[float, object]], fitted: Sequence[tuple[float, Interval]]
) -> Drawing | None:
    known = [(size, value) for size, value in dots if isinstance(value, Interval)]
    if not known:
        return None
    sizes = axis_over([size for size, _ in (*known, *fitted)])
    values = axis_over([limit for _, value in (*known, *fitted) for limit in (value.low, value.high)])
    around = [(size, value.high) for size, value in fitted] + [(size, value.low) for size, value in reversed(fitted)]
    middle = [(size, value.estimate) for size, value in fitted or known]

    def points(places: Iterable[tuple[float, float]]) -> str:
        return " ".join(f"{sizes.at(size)},{values.down(value)}" for size, value in places).replace("%", "")

    return Drawing(
        title=title,
        sizes=sizes,
        values=values,
        dots=tuple(
            Dot(
                sizes.at(size),
                values.down(value.estimate),
                values.down(value.low),
                values.down(value.high),
                f"{size:,g} examples: {value.estimate:+.3g}".replace("-", "−"),
            )
            for size, value in known
        ),
        line=points(middle),
        band=points(around),
    )
