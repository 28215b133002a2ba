"""The climb of a ladder as a terminal shows it: a pure view of its records."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from keeptune.records import DevEvidence, LadderReport
from keeptune.report.phrases import change, score
from keeptune.report.visible import visible


def ladder_report(report: LadderReport) -> RenderableType:
    """Every rung on its development items, the choice and its reason."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    names = [drop.name for drop in report.rungs[0].drops]
    for column in (
        "rung",
        report.rungs[0].metric,
        "gain",
        *(f"{escape(visible(name))} change" for name in names),
        "time",
    ):
        table.add_column(column, justify="left" if column == "rung" else "right")
    for rung in report.rungs:
        chosen = rung.rung == report.chosen
        table.add_row(
            f"{'→ ' if chosen else '  '}{escape(rung.rung)}",
            score(rung.metric, rung.score),
            change(rung.metric, rung.gain),
            *_changes(rung),
            f"{(rung.trained_seconds + rung.asked_seconds) / 60:.1f} min",
            style="bold" if chosen else "",
        )
    first = report.rungs[0]
    asked = [f"{first.items} rows of the task", *(f"{drop.items} items of {drop.name}" for drop in first.drops)]
    told = (
        f"on development items, which decide nothing else ({', '.join(asked)}); a change below 0 is worse. "
        "The choice was then scored once on items that no choice has seen."
    )
    lines = [told, f"chosen: {report.chosen}: {report.reason}"]
    if report.not_tried:
        lines.append(f"not tried: {', '.join(report.not_tried)}")
    return Group(Text(""), Text("the ladder", style="underline"), table, *(Text(visible(line)) for line in lines))


def _changes(rung: DevEvidence) -> list[str]:
    return ["–" if rung.routed else f"{change(d.metric, -d.drop)} (margin {d.margin:g})" for d in rung.drops]
