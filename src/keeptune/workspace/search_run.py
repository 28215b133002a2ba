"""A SearchRun: the folder of a run that searches hyperparameters or mitigations, which has trainings inside."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from keeptune.records import HyperparameterSearchReport, MitigationSearchReport, from_plain, to_plain
from keeptune.workspace import layout
from keeptune.workspace.atomic import write_json
from keeptune.workspace.json_file import read_json_file
from keeptune.workspace.path_part import path_part
from keeptune.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True)
class SearchRun(Workspace):
    """The run folder at `path`, for the search that makes it."""

    def candidate(self, name: str) -> Workspace:
        """The candidate `name` of this run's mitigation search."""
        return Workspace(self.path / layout.CANDIDATES / path_part(name))

    def search_seconds(self, name: str) -> float:
        """The seconds of a part of the mitigation search; 0 if not recorded."""
        with suppress(OSError, ValueError):
            return from_plain(float, read_json_file(self._search_seconds(name)))
        return 0.0

    def write_search_seconds(self, name: str, seconds: float) -> None:
        """Write the seconds of a part of the mitigation search."""
        write_json(self._search_seconds(name), seconds)

    def _search_seconds(self, name: str) -> Path:
        return self.path / layout.CANDIDATES / f"{path_part(name)}.{layout.SEARCH_SECONDS}"

    def mitigation_search(self) -> MitigationSearchReport | None:
        """The report of the mitigation search; None if it has not ended."""
        if not self._found(layout.MITIGATION_SEARCH).exists():
            return None
        return self._record(MitigationSearchReport, layout.MITIGATION_SEARCH)

    def write_mitigation_search(self, report: MitigationSearchReport) -> None:
        """Write the report of the mitigation search."""
        write_json(self.path / layout.MITIGATION_SEARCH, to_plain(report))

    def write_hyperparameter_search(self, report: HyperparameterSearchReport) -> None:
        """Write the result of the hyperparameter search."""
        write_json(self.path / layout.HYPERPARAMETER_SEARCH, to_plain(report))

    @property
    def search_journal(self) -> Path:
        """File of Optuna's journal, from which a hyperparameter search resumes."""
        return self.path / layout.SEARCH_JOURNAL

    @property
    def search_trial(self) -> Workspace:
        """The current trial of the hyperparameter search."""
        return Workspace(self.path / layout.SEARCH_TRIAL)
