"""Amounts of a metric in words."""

from __future__ import annotations

from keeptune.records import Interval
from keeptune.scoring.table import METRICS


def amount(value: float, metric: str, margin: float) -> str:
    """A number with as many digits as tell something: 0.1 points or 0.001 nats, and more close to the margin, so that
    "5.0, below the margin of 5" is never said."""
    digits = 3 if unit(metric) == "nats a token" else 1
    while round(value, digits) == round(margin, digits) and value != margin and digits < 6:
        digits += 1
    return f"{value:.{digits}f}".replace("-", "−")


def unit(metric: str) -> str:
    """``points`` or ``nats a token``; a user's own metric counts points."""
    return "nats a token" if metric in METRICS and METRICS[metric].unit == "nats" else "points"


def between(drop: Interval, metric: str, margin: float) -> str:
    return f"{amount(drop.low, metric, margin)} to {amount(drop.high, metric, margin)}"
