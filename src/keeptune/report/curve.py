"""A learning curve in a terminal: a pure view of the record."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from keeptune.records import Backtest, Interval, LearningCurve, MaybeInterval, negated
from keeptune.report.fitting_table import Column, FittingTable
from keeptune.report.notes import notes
from keeptune.report.phrases import change, score
from keeptune.report.visible import visible


def curve_report(report: LearningCurve) -> RenderableType:
    """A whole curve, the advice first."""
    parts: list[RenderableType] = [Text("")]
    parts += [Text(visible(line), style="" if place else "bold") for place, line in enumerate(report.sentences)]
    parts += [Text(""), points_table(report), Text(""), Text(backtest_line(report))]
    failed = [trial for trial in report.trials if trial.error]
    for trial in failed:
        first = trial.error.partition("\n")[0]
        parts.append(Text(visible(f"failed: {trial.size} rows, draw {trial.draw}: {first}"), style="bold red"))
    if failed:
        parts.append(Text("run the same command again to retry the failed trials only"))
    parts += notes(report.notices)
    parts.append(Text(f"files: {report.path}  (curve.html, curve.json, trials/)"))
    return Group(*parts)


def points_table(report: LearningCurve) -> FittingTable:
    """One row per size: score, gain, and the change of each ability."""
    names = list(dict.fromkeys(ability.name for point in report.points for ability in point.abilities))
    table = FittingTable(
        Column("examples"),
        Column("draws", goes=1),
        Column(report.metric if report.higher_is_better else f"{report.metric} ↓", goes=2),
        Column("gain"),
        *(Column(f"change of {name}", goes=2 + len(names) - place) for place, name in enumerate(names)),
    )
    for point in report.points:
        changes = {ability.name: limits(ability.metric, negated(ability.drop)) for ability in point.abilities}
        table.add_row(
            f"{point.size:,}",
            f"{point.draws}" if point.size else "base",
            score(report.metric, point.score),
            limits(report.metric, point.gain),
            *(changes.get(name, "–") for name in names),
        )
    if names:
        table.caption = "Means over draws, with 95 % intervals. A change below 0 is worse."
    return table


def backtest_line(report: LearningCurve) -> str:
    """The prediction for the largest size from the smaller ones, and whether it was right."""
    found = report.backtest
    if not isinstance(found, Backtest):
        return f"backtest: none: {found.reason}"
    foretold = limits(report.metric, found.foretold)
    outcome = "as predicted" if found.holds else "not as predicted"
    return (
        f"backtest: the smaller sizes predict a gain of {foretold} with {found.size:,} examples; "
        f"measured {change(report.metric, found.observed)}, {outcome}"
    )


def limits(metric: str, found: MaybeInterval) -> str:
    """``+3.1 (+1.0 to +5.2)``, or a dash."""
    if not isinstance(found, Interval):
        return "–"
    return f"{change(metric, found.estimate)} ({change(metric, found.low)} to {change(metric, found.high)})"
