"""A mitigation search in a terminal: a pure view of its records."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from keeptune.records import DevEvidence, MitigationSearchReport
from keeptune.report.fitting_table import Column, FittingTable
from keeptune.report.phrases import change, score
from keeptune.report.visible import visible


def mitigation_search_report(report: MitigationSearchReport) -> RenderableType:
    """Every candidate with its results on development items, then the choice and its reason."""
    first = report.candidates[0]
    changes = [
        Column(f"change of {drop.name}", goes=3 + len(first.drops) - place) for place, drop in enumerate(first.drops)
    ]
    table = FittingTable(
        Column("candidate", words=True),
        Column(first.metric, goes=2),
        Column("gain"),
        *changes,
        Column("minutes", goes=1),
    )
    for candidate in report.candidates:
        chosen = candidate.candidate == report.chosen
        table.add_row(
            f"{'→ ' if chosen else '  '}{candidate.candidate}",
            score(candidate.metric, candidate.score),
            change(candidate.metric, candidate.gain),
            *_changes(candidate),
            f"{(candidate.trained_seconds + candidate.asked_seconds) / 60:.1f}",
            style="bold" if chosen else "",
        )
    asked = [
        f"{first.items} rows of the task",
        *(f"{drop.items} items of {drop.name}, margin {drop.margin:g}" for drop in first.drops),
    ]
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
    return ["–" if candidate.routed else change(d.metric, -d.drop) for d in candidate.drops]
