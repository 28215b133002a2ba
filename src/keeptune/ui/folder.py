"""A folder of runs as a page may read it: the runs that a walk finds, by their names, and nothing outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from keeptune.commands import command
from keeptune.errors import ConfigError, StoreError
from keeptune.workspace.open_run import lock_of, refuse_ways_out
from keeptune.workspace.run_entry import RunEntry, read_entry
from keeptune.workspace.runs import run_folders

UNTOLD = "whether it is being written cannot be told here: its lock cannot be opened"


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
        found = [self._checked(path, name) for path, name in run_folders(self.path)]
        return sorted(found, key=lambda run: run.created, reverse=True)

    def entry(self, name: str) -> RunEntry:
        """The run of this name. Raises as `named`."""
        return self.named([name])[0]

    def named(self, names: Sequence[str]) -> list[RunEntry]:
        """The runs of these names. A name is looked for among those that are there and never becomes a path.

        Raises:
            StoreError: there is none, or a link leads out of it. ConfigError: a name is there twice.
        """
        if len(set(names)) < len(names):
            raise ConfigError("a run is named more than once", "name each once")
        self.check()
        found: dict[str, tuple[Path, str]] = {}
        for path, known in run_folders(self.path):
            found |= {name: (path, known) for name in names if name in (known, _from_an_address(known))}
            if len(found) == len(names):
                break
        for name in names:
            if name not in found:
                raise StoreError(f"there is no run {name!r} in {self.path}", "the list has all that are there")
            refuse_ways_out(found[name][0])
        return [self._entry(*found[name]) for name in names]

    def inside(self, run: RunEntry) -> list[tuple[str, str]]:
        """(name in this folder, name in the run) of the runs inside a run: trials, candidates."""
        home = Path(run.path)
        before = "" if home == self.path else f"{run.name}/"
        return [(before + name, name) for path, name in run_folders(home) if path != home]

    def _entry(self, path: Path, name: str) -> RunEntry:
        """As `read_entry`. A candidate or a trial has no lock of its own: it is written while a run around it is."""
        entry = read_entry(path, name)
        if entry.state != "unfinished":
            return entry
        around = [each for each in (path, *path.parents) if each == self.path or self.path in each.parents]
        locks = {lock_of(each) for each in around}
        if True in locks:
            return replace(entry, state="running")
        return replace(entry, problem=UNTOLD) if None in locks else entry

    def _checked(self, path: Path, name: str) -> RunEntry:
        """As `_entry`; of a run from which a link leads out, nothing is read."""
        try:
            refuse_ways_out(path)
        except (StoreError, OSError) as error:
            return RunEntry(name=name, path=str(path), kind="", state="damaged", problem=str(error))
        return self._entry(path, name)


def _from_an_address(name: str) -> str:
    """As a server reads the name where its bytes are no UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
