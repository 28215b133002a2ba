"""The findings of `keeptune doctor` in a terminal: a line each, to be read and to be pasted into a bug report."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from keeptune.records.health import Finding, Health
from keeptune.report.visible import visible

MARKS = {"ok": ("ok", "green"), "warning": ("warning", "yellow"), "problem": ("PROBLEM", "bold red")}


def doctor_report(health: Health) -> RenderableType:
    """Each finding with its way out, and how many are bad."""
    width = max(len(finding.name) for finding in health.findings)
    lines = [_line(finding, width) for finding in health.findings]
    return Group(*lines, Text(""), Text(conclusion(health), style="bold"))


def conclusion(health: Health) -> str:
    """Whether a run can start, in a line."""
    problems, warnings = health.count("problem"), health.count("warning")
    state = "Nothing here stops a run" if health.ok else "A run would be stopped"
    return f"{state}: {_counted(problems, 'problem')}, {_counted(warnings, 'warning')}."


def _line(finding: Finding, width: int) -> Text:
    mark, style = MARKS[finding.state]
    fix = f" → {finding.fix}" if finding.fix else ""
    line = Text.assemble((f"{mark:<8}", style), f"{finding.name:<{width}}  ", visible(f"{finding.says}{fix}"))
    # A command is pasted whole.
    line.no_wrap, line.overflow = True, "ignore"
    return line


def _counted(count: int, word: str) -> str:
    return f"{count or 'no'} {word}{'' if count == 1 else 's'}"
