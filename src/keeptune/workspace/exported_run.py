"""An ExportedRun: a run folder with the exports of its tuned model, and how each compares with it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

from keeptune.records import ExportReport
from keeptune.workspace import layout
from keeptune.workspace.path_part import path_part
from keeptune.workspace.read_back import read_record
from keeptune.workspace.workspace import Workspace
from keeptune.workspace.written import write_record


@dataclass(frozen=True, slots=True)
class ExportedRun(Workspace):
    """The run folder at `path`."""

    @property
    def exports_folder(self) -> Path:
        """Folder of the exports, and of what is said of each."""
        return self.path / layout.EXPORTS

    def export_folder(self, name: str) -> Path:
        """Folder for an export: ``gguf-q4_k_m``."""
        return self.exports_folder / path_part(name)

    def write_export(self, report: ExportReport) -> None:
        """Write how an export compares with the scored model, in the place of what was said of the same files, or of
        files that are gone."""
        folder, name = self.exports_folder, path_part(report.name)
        for number in itertools.count(1):
            file = folder / (f"{name}.json" if number == 1 else f"{name}-{number}.json")
            files = self._files(read_record(ExportReport, file)) if file.exists() else None
            if files is None or not files.exists() or files == self._files(report):
                break
        write_record(file, report)

    def _files(self, report: ExportReport) -> Path | None:
        """Where the files of an export are, wherever the run was moved to; None where they were not kept."""
        if not report.path:
            return None
        return Path(report.path) if report.config.get("output") else self.export_folder(report.name)

    def exports(self) -> list[ExportReport]:
        """The reports of this run's exports, by name."""
        files = sorted(self.exports_folder.glob("*.json"))
        return [read_record(ExportReport, file) for file in files]
