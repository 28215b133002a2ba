"""Filter and sort runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keeptune.errors import ConfigError
from keeptune.near_names import did_you_mean
from keeptune.records import Interval
from keeptune.workspace.run_entry import STATES, RunEntry
from keeptune.workspace.runs import find_runs


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Filter of runs. An empty text matches all; texts match any part, in any case."""

    task: str = ""
    model: str = ""
    method: str = ""
    state: str = ""
    lost: bool = False
    """Only runs that lost a declared ability."""

    def __call__(self, run: RunEntry) -> bool:
        wanted = ((self.task, run.task), (self.model, run.model), (self.method, run.method))
        found = all(text.casefold() in value.casefold() for text, value in wanted)
        return found and self.state in ("", run.state) and (not self.lost or bool(run.lost))


def _gain(run: RunEntry) -> float:
    """How much better the tuned model is; runs without a gain come last."""
    if not isinstance(run.gain, Interval):
        return float("inf")
    return -run.gain.estimate


ORDERS: dict[str, Callable[[RunEntry], Any]] = {
    "when": lambda run: run.created,
    "name": lambda run: run.name,
    "task": lambda run: (run.task, run.created),
    "model": lambda run: (run.model, run.created),
    "gain": _gain,
    "size": lambda run: -run.size_bytes,
}
"""Name of an order → its key. The best gain, the largest and the oldest come first."""


def list_runs(folder: Path, wanted: RunFilter, sort: str) -> list[RunEntry]:
    """The runs below `folder` that are wanted, in the order `sort`.

    Raises:
        ConfigError: no such state or order. StoreError: no such folder.
    """
    for name, value, known in (("state", wanted.state or STATES[0], STATES), ("sort", sort, tuple(ORDERS))):
        if value not in known:
            hint = did_you_mean(value, known)
            raise ConfigError(f"--{name} cannot be {value!r}", f"{hint}One of: {', '.join(known)}")
    return sorted(filter(wanted, find_runs(folder)), key=ORDERS[sort])
