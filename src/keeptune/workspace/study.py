"""A Study: the folder of a comparison or a learning curve, which has runs inside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from keeptune.records import LearningCurve, MethodComparison
from keeptune.workspace import layout
from keeptune.workspace.workspace import Workspace
from keeptune.workspace.written import write_record


@dataclass(frozen=True, slots=True)
class Study(Workspace):
    """The folder at `path`, with the settings of the study and its trials."""

    def begin_study(self) -> None:
        """Make the folder of the trials."""
        (self.path / layout.TRIALS).mkdir(exist_ok=True)

    def trial(self, name: str) -> Workspace:
        """The trial `name`."""
        return Workspace(self.path / layout.TRIALS / name)

    @property
    def comparison_page(self) -> Path:
        """File of the page of a comparison."""
        return self.path / layout.COMPARISON_PAGE

    def write_comparison(self, comparison: MethodComparison) -> None:
        """Write a comparison of methods."""
        write_record(self.path / layout.COMPARISON, comparison)

    @property
    def curve_page(self) -> Path:
        """File of the page of a learning curve."""
        return self.path / layout.CURVE_PAGE

    def write_curve(self, curve: LearningCurve) -> None:
        """Write a learning curve."""
        write_record(self.path / layout.CURVE, curve)
