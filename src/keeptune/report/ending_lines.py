"""The four lines of an ending in a terminal."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from keeptune.report.ending import Ending
from keeptune.report.visible import visible


def ending_lines(ending: Ending) -> list[RenderableType]:
    """The last four lines; the first one bold."""
    first, worst, verdict, _ = map(visible, ending.lines())
    return [Text(""), Text(first, style="bold"), Text(worst), Text(verdict), command_line("next", ending.next)]


def command_line(label: str, command: str) -> Text:
    """A line that ends in a command. It is not wrapped, so that it can be pasted whole."""
    return Text(f"{label}: {visible(command)}", no_wrap=True, overflow="ignore")
