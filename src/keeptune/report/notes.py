"""What was chosen for the user, or should be known, as lines of a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from keeptune.report.visible import visible


def notes(notices: Sequence[str], metric_reason: str | None = None) -> list[RenderableType]:
    """What was chosen for the user, or should be known; where the choice of the metric has its own line, without it."""
    others = dict.fromkeys(n for n in notices if metric_reason is None or not n.endswith(metric_reason))
    return [Text(f"note: {visible(notice)}", style="dim") for notice in others]
