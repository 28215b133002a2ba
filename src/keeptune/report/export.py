"""Exports in a terminal: a pure view of the records."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from keeptune.records import ExportReport
from keeptune.report.ending import VERDICTS
from keeptune.report.ending_lines import command_line
from keeptune.report.fitting_table import Column, FittingTable
from keeptune.report.forgetting import abilities_table
from keeptune.report.notes import notes
from keeptune.report.visible import visible

NONE_LOST = "none lost"
"""The verdict where all answers are the same, and too few to show that abilities are kept."""


def export_report(reports: Sequence[ExportReport]) -> RenderableType:
    """What was asked and what it answered; of several types a line each. The answer last."""
    best = reports[0]
    parts: list[RenderableType] = [Text("")]
    if len(reports) > 1:
        parts += [types_table(reports), Text("")]
    if best.was_asked:
        parts += [abilities_table(best.abilities, ("as scored", "as exported")), Text("")]
        parts.append(Text(visible(arrival_line(best))))
    if best.keeps or not best.was_asked:
        parts.append(command_line("load it", best.load))
    return Group(
        *parts,
        *notes(best.notes),
        Text(visible(f"files: {best.path}  ({best.size / 1e6:,.0f} MB)")),
        Text(visible(ending(best)), style="bold"),
    )


def types_table(reports: Sequence[ExportReport]) -> FittingTable:
    """A line for each type that was tried, the largest first."""
    table = FittingTable(
        Column("type", words=True),
        Column("MB", goes=3),
        Column("same answers", goes=2),
        Column("tokens/s", goes=1),
        Column("verdict", words=True),
    )
    for report in sorted(reports, key=lambda each: -each.size):
        speed = f"{report.tokens_per_second:.0f}" if report.tokens_per_second else "–"
        lost = [each.name for each in report.abilities if each.declared and each.verdict != "kept"]
        verdict = report.gate + (f": {', '.join(lost)}" if lost else "")
        verdict = NONE_LOST if report.keeps and report.gate != "pass" else verdict
        table.add_row(report.quantization, f"{report.size / 1e6:,.0f}", str(report.answers or "–"), speed, verdict)
    return table


def arrival_line(report: ExportReport) -> str:
    """What the tool made of the prompts and of the answers."""
    told = [f"asked by {report.tool}"]
    if report.prompts and report.prompts.of:
        told.append(f"same prompt, token by token, for {report.prompts} items")
    told.append(f"same answer to {report.answers} items")
    if report.tokens_per_second:
        told.append(f"{report.tokens_per_second:.0f} tokens/s")
    return "; ".join(told)


def ending(report: ExportReport) -> str:
    """The result in one line."""
    if not report.was_asked:
        return f"exported: {report.name}, and not asked"
    if report.keeps and report.gate != "pass":
        told = f"every answer is the same; {report.answers} items are too few to show more"
        return f"exported: {report.name}. verdict: {NONE_LOST} ({told})"
    return f"exported: {report.name}. verdict: {VERDICTS[report.gate]}. {' '.join(report.sentences)}"
