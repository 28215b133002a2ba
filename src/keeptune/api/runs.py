"""`keeptune.runs`, `compare_runs`, `delete_run`: the runs of a folder, found, set side by side and deleted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keeptune.errors import ConfigError
from keeptune.near_names import did_you_mean
from keeptune.records import Interval
from keeptune.workspace import run_folder
from keeptune.workspace.run_comparison import RunComparison, compare_entries
from keeptune.workspace.run_entry import STATES, RunEntry
from keeptune.workspace.run_folder import Dependent

RUNS = "runs"
"""The folder where runs are made unless the user names another."""


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs are wanted; an empty text wants all. Texts are found anywhere, whatever their case."""

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


def runs(folder: str = RUNS, wanted: RunFilter | None = None, sort: str = "when") -> list[RunEntry]:
    """The runs below a folder; unfinished and damaged ones are told as such.

    Raises:
        ConfigError: no such state or order. StoreError: no such folder.
    """
    wanted = wanted or RunFilter()
    for name, value, known in (("state", wanted.state or STATES[0], STATES), ("sort", sort, tuple(ORDERS))):
        if value not in known:
            hint = did_you_mean(value, known)
            raise ConfigError(f"--{name} cannot be {value!r}", f"{hint}One of: {', '.join(known)}")
    return sorted(filter(wanted, run_folder.find_runs(_path(folder))), key=ORDERS[sort])


def find_run(run: str, folder: str = RUNS) -> RunEntry:
    """One run, by its name in `folder` or by its path.

    Raises:
        StoreError: there is none.
    """
    return run_folder.find_run(run, _path(folder))


def compare_runs(names: Sequence[str], folder: str = RUNS) -> RunComparison:
    """Runs side by side; scores only where the same items were asked.

    Raises:
        ConfigError: fewer than two runs, or one twice. StoreError: there is no such run.
    """
    return compare_entries([find_run(name, folder) for name in names])


def dependents(run: RunEntry, folder: str = RUNS) -> list[Dependent]:
    """The runs that refer to this one."""
    return run_folder.dependents(run, _path(folder))


def delete_run(run: RunEntry, folder: str = RUNS, *, force: bool = False) -> None:
    """Delete a run, with the runs inside it; never one that another run needs, unless by `force`.

    Raises:
        StoreError: another run needs it, or it cannot be deleted. RunLocked: it is being written.
    """
    run_folder.delete_run(run, _path(folder), force=force)


def _path(folder: str) -> Path:
    return Path(folder).expanduser()
