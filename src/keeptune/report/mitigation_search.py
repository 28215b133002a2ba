"""A mitigation search in a terminal: a pure view of its records."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from keeptune.records import DevEvidence, MitigationSearchReport
from keeptune.report.phrases import change, score
from keeptune.report.visible import visible


def mitigation_search_report(report: MitigationSearchReport) -> RenderableType:
    """Every candidate with its results on development items, then the choice and its reason."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    names = [drop.name for drop in report.candidates[0].drops]
    for column in (
        "candidate",
        escape(report.candidates[0].metric),
        "gain",
        *(f"{escape(visible(name))} change" for name in names),
        "time",
    ):
        table.add_column(column, justify="left" if column == "candidate" else "right")
    for candidate in report.candidates:
        chosen = candidate.candidate == report.chosen
        table.add_row(
            f"{'→ ' if chosen else '  '}{escape(candidate.candidate)}",
            score(candidate.metric, candidate.score),
            change(candidate.metric, candidate.gain),
            *_changes(candidate),
            f"{(candidate.trained_seconds + candidate.asked_seconds) / 60:.1f} min",
            style="bold" if chosen else "",
        )
    first = report.candidates[0]
    asked = [f"{first.items} rows of the task", *(f"{drop.items} items of {drop.name}" for drop in first.drops)]
    told = (
        f"Measured on development items, which serve only this choice ({', '.join(asked)}); a change below 0 is worse. "
        "The chosen candidate was then scored once, on items that no choice has used."
    )
    lines = [told, f"chosen: {report.chosen}: {report.reason}"]
    if report.not_tried:
        lines.append(f"not tried: {', '.join(report.not_tried)}")
    return Group(
        Text(""), Text("the mitigation search", style="underline"), table, *(Text(visible(line)) for line in lines)
    )


def _changes(candidate: DevEvidence) -> list[str]:
    return ["–" if candidate.routed else f"{change(d.metric, -d.drop)} (margin {d.margin:g})" for d in candidate.drops]
