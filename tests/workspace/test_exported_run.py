"""Reports of exports, kept as long as the files that they are of."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from keeptune.workspace.exported_run import ExportedRun
from tests.report.pages import EXPORT


def test_a_report_stays_with_its_files_wherever_the_run_is_moved_to(tmp_path: Path) -> None:
    moved, elsewhere = ExportedRun(tmp_path / "moved"), tmp_path / "elsewhere"
    own = replace(EXPORT, path="runs/orders-lora-1/exports/gguf-q4_k_m", config={"output": ""})
    other = replace(EXPORT, path=str(elsewhere), config={"output": "elsewhere"})
    moved.export_folder(own.name).mkdir(parents=True)
    moved.write_export(own)
    moved.write_export(other)
    assert [each.path for each in moved.exports()] == [other.path, own.path]
    again = replace(own, path=str(moved.export_folder(own.name)), size=1)
    moved.write_export(again)
    assert [each.size for each in moved.exports()] == [other.size, 1]


def test_a_report_of_files_that_are_gone_is_replaced(tmp_path: Path) -> None:
    run = ExportedRun(tmp_path / "run")
    own = replace(EXPORT, path=str(run.export_folder(EXPORT.name)), config={"output": ""})
    run.export_folder(own.name).mkdir(parents=True)
    run.write_export(own)
    shutil.rmtree(run.export_folder(own.name))
    run.write_export(replace(own, path="", load=""))
    run.write_export(replace(EXPORT, path=str(tmp_path / "elsewhere"), config={"output": "elsewhere"}))
    assert [each.path for each in run.exports()] == [str(tmp_path / "elsewhere")]
