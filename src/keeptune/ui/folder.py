"""A folder of runs as a page may read it: the runs that a walk finds, by their names, and nothing outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from keeptune.commands import command
from keeptune.errors import StoreError
from keeptune.workspace.open_run import refuse_ways_out
from keeptune.workspace.run_entry import RunEntry, read_entry
from keeptune.workspace.runs import run_folders


@dataclass(frozen=True, slots=True)
class RunsFolder:
    """The folder at `path`."""

    path: Path

    def check(self) -> None:
        """Raise StoreError where there is no such folder."""
        if not self.path.is_dir():
            fix = f"name the folder of your runs, {command('ui')} FOLDER, or make a first run: {command('demo')}"
            raise StoreError(f"there is no folder {self.path}", fix)

    def entries(self) -> list[RunEntry]:
        """All runs, newest first.

        Raises:
            StoreError: there is no such folder.
        """
        self.check()
        found = [_entry(path, name) for path, name in run_folders(self.path)]
        return sorted(found, key=lambda run: run.created, reverse=True)

    def entry(self, name: str) -> RunEntry:
        """The run of this name. The name is looked for among those that are there and never becomes a path.

        Raises:
            StoreError: there is none, or a link leads out of it.
        """
        self.check()
        for path, known in run_folders(self.path):
            if name in (known, _from_an_address(known)):
                refuse_ways_out(path)
                return read_entry(path, known)
        raise StoreError(f"there is no run {name!r} in {self.path}", "the list has all that are there")

    def inside(self, run: RunEntry) -> Sequence[str]:
        """The names of the runs inside a run: trials, candidates."""
        return [name for path, name in run_folders(Path(run.path)) if path != Path(run.path)]


def _from_an_address(name: str) -> str:
    """As a server reads the name where its bytes are no UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _entry(path: Path, name: str) -> RunEntry:
    """As `read_entry`; of a run from which a link leads out, nothing is read."""
    try:
        refuse_ways_out(path)
    except (StoreError, OSError) as error:
        return RunEntry(name=name, path=str(path), kind="", state="damaged", problem=str(error))
    return read_entry(path, name)
