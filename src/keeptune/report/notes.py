"""Notices of a run as lines of a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from keeptune.report.visible import visible


def notes(notices: Sequence[str], metric_reason: str | None = None) -> list[RenderableType]:
    """The notices, except the choice of the metric if `metric_reason` has a line of its own."""
    others = dict.fromkeys(n for n in notices if metric_reason is None or not n.endswith(metric_reason))
    return [Text(f"note: {visible(notice)}", style="dim") for notice in others]
