"""All targets."""

from __future__ import annotations

from tests.fuzz import chats, configuration, foreign, metrics, readers, reports, round_trips, runs
from tests.fuzz.target import TARGETS

__all__ = ["TARGETS", "chats", "configuration", "foreign", "metrics", "readers", "reports", "round_trips", "runs"]
