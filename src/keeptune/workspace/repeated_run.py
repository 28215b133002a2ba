"""A RepeatedRun: the folder in which a run is made again, and compared with the first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from keeptune.records import Reproduction
from keeptune.workspace import layout
from keeptune.workspace.atomic import write_json
from keeptune.workspace.workspace import Workspace
from keeptune.workspace.written import write_record


@dataclass(frozen=True, slots=True)
class RepeatedRun(Workspace):
    """The run folder at `path`."""

    def write_reproduces(self, run: Path) -> None:
        """Write which run this one repeats."""
        write_json(self.path / layout.REPRODUCES, {"run": str(run)})

    @property
    def has_reproduction(self) -> bool:
        """Whether this run was compared with the one that it repeats."""
        return (self.path / layout.REPRODUCTION).exists()

    def write_reproduction(self, reproduction: Reproduction) -> None:
        """Write how this run compares with the one that it repeats."""
        write_record(self.path / layout.REPRODUCTION, reproduction)
