"""`keeptune.runs`, `find_run`, `compare_runs`, `delete_run`: the runs of a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from keeptune.near_paths import expanded
from keeptune.workspace import runs as run_folder
from keeptune.workspace.run_comparison import RunComparison, compare_entries
from keeptune.workspace.run_entry import RunEntry
from keeptune.workspace.run_list import ORDERS as ORDERS
from keeptune.workspace.run_list import RunFilter as RunFilter
from keeptune.workspace.run_list import list_runs
from keeptune.workspace.runs import Dependent

RUNS = "runs"
"""The folder where runs are made unless the user names another."""


def runs(folder: str | Path = RUNS, wanted: RunFilter | None = None, sort: str = "when") -> list[RunEntry]:
    """The runs below a folder; unfinished and damaged ones are told as such.

    Raises:
        ConfigError: no such state or order. StoreError: no such folder.
    """
    return list_runs(_path(folder), wanted or RunFilter(), sort)


def find_run(run: str | Path, folder: str | Path = RUNS) -> RunEntry:
    """One run, by its name in `folder` or by its path.

    Raises:
        StoreError: there is none.
    """
    return run_folder.find_run(run, _path(folder))


def compare_runs(names: Sequence[str | Path], folder: str | Path = RUNS) -> RunComparison:
    """Runs side by side; scores only where the same items were asked.

    Raises:
        ConfigError: fewer than two runs, or one twice. StoreError: there is no such run.
    """
    return compare_entries([find_run(name, folder) for name in names])


def dependents(run: RunEntry, folder: str | Path = RUNS) -> list[Dependent]:
    """The runs that refer to this one."""
    return run_folder.dependents(run, _path(folder))


def delete_run(run: RunEntry, folder: str | Path = RUNS, *, force: bool = False) -> None:
    """Delete a run, with the runs inside it; never one that another run needs, unless by `force`.

    Raises:
        StoreError: another run needs it, or it cannot be deleted. RunLocked: it is being written.
    """
    run_folder.delete_run(run, _path(folder), force=force)


def _path(folder: str | Path) -> Path:
    return expanded(folder)
