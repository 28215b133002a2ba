"""Amounts of a metric in words."""

from __future__ import annotations

from keeptune.records import Interval
from keeptune.scoring.table import counted_in


def amount(value: float, metric: str, margin: float) -> str:
    """A number to 0.1 points or 0.001 nats. Near the margin it has more digits, to avoid "5.0, below the margin of
    5"."""
    digits = 1 if counted_in(metric) == "points" else 3
    while round(value, digits) == round(margin, digits) and value != margin and digits < 6:
        digits += 1
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def between(drop: Interval, metric: str, margin: float) -> str:
    return f"{amount(drop.low, metric, margin)} to {amount(drop.high, metric, margin)}"


def changed(drop: Interval, metric: str, margin: float) -> str:
    """The change that a drop is, with signs: ``−7.2 to +2.5``."""
    return f"{signed(-drop.high, metric, margin)} to {signed(-drop.low, metric, margin)}"


def signed(change: float, metric: str, margin: float) -> str:
    """``+2.5``, ``−7.2``; digits as `amount`."""
    text = amount(change, metric, -margin)
    return text if text.startswith("−") else f"+{text}"
