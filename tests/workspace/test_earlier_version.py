"""Runs of the release before: their settings, results and reports are read under today's names.

Commit 45eda5e wrote `earlier_runs`: a run with a mitigation search, which it called a ladder, and an
interpolated training. Weights and records of single items are left out.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from keeptune.assessment.report import earlier_reports
from keeptune.cli.main import main
from keeptune.cli.settings import read_settings
from keeptune.config.schema import ModelConfig
from keeptune.errors import ConfigError
from keeptune.events import Notice
from keeptune.records import ForgettingReport, from_plain
from keeptune.workspace.lineage import base_of, of_run, run_of
from keeptune.workspace.run_comparison import compare_entries
from keeptune.workspace.runs import find_runs
from keeptune.workspace.workspace import Workspace
from tests.api.runs import Told

NAMES = ("interpolated", "searched")
EARLIER_WORDS = ("mend", "ladder", "rungs", "rung", "dial", "form")


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """The runs, with folders where their weights lay."""
    folder = Path(shutil.copytree(Path(__file__).with_name("earlier_runs"), tmp_path / "runs"))
    for name in NAMES:
        (folder / name / ("model" if name == "interpolated" else "adapter")).mkdir()
    return folder


def test_settings_that_they_lack_are_as_they_were(runs: Path) -> None:
    for name in NAMES:
        settings = Workspace(runs / name).tune_settings()
        assert (settings.mitigation.kl_share, settings.mitigation.kl_tokens) == (0.1, 64)
        assert settings.measure.prompt_fraction == 0.0


def test_they_are_listed_and_compared(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = {run.name: run for run in find_runs(runs)}
    assert {name: (run.state, run.problem, run.kind, run.task) for name, run in found.items()} == dict.fromkeys(
        NAMES, ("finished", "", "tune", "numbers")
    )
    assert "known" in [ability.name for ability in found["searched"].abilities]
    compared = compare_entries([found[name] for name in NAMES])
    assert "mitigation_search.auto" in compared.settings
    for words in ([str(runs)], ["show", str(runs / "searched")], ["compare", *(str(runs / name) for name in NAMES)]):
        assert main(["runs", *words]) == 0, capsys.readouterr().err
    assert "known" in capsys.readouterr().out


@pytest.mark.parametrize("name", NAMES)
def test_their_records_have_todays_types(runs: Path, name: str) -> None:
    run = Workspace(runs / name)
    written = (runs / name / "config.json").read_text(encoding="utf-8")
    assert '"mend"' in written
    settings, result = run.tune_settings(), run.tune_result()
    assert settings.mitigation_search.auto == (name == "searched")
    assert run.settings()["mitigation"]["extra"] == [], "no difference to a run of today that has none"
    assert settings.mitigation.interpolation == json.loads(written)["mend"]["dial"]
    report = from_plain(ForgettingReport, run.forgetting())
    assert result.forgetting == report
    if name == "searched":
        assert report.mitigation_search is not None
        assert report.mitigation_search.candidates[0].candidate == "plain"
    assert not any(f'"{word}":' in json.dumps(run.settings()) for word in EARLIER_WORDS)
    if name == "interpolated":
        assert run.training() == result.training


def test_a_command_that_an_earlier_version_printed_reads_their_settings(runs: Path) -> None:
    file = runs / "interpolated" / "config.json"
    of_today = Workspace(runs.parent / "today")
    of_today.path.mkdir()
    of_today.write_tune_settings(Workspace(file.parent).tune_settings())
    for settings in (file, of_today.settings_file):
        found = read_settings(str(settings), {"auto": True})
        assert found.mitigation == Workspace(file.parent).tune_settings().mitigation
    of_today.settings_file.write_text(of_today.settings_file.read_text().replace('"seed": 0', '"seed": "no"'))
    with pytest.raises(ConfigError, match=r"config\.json:\d+: training\.seed"):
        read_settings(str(of_today.settings_file), {})


def test_their_models_are_found(runs: Path) -> None:
    run = Workspace(runs / "searched")
    base = json.loads((run.path / "config.json").read_text(encoding="utf-8"))["model"]["name"]
    assert base_of(str(run)) == base
    assert of_run(ModelConfig(name=str(run))).name == str(run.adapter)
    assert run_of(ModelConfig(name=str(run.adapter))) == run
    assert run.has_mitigation_search


def test_their_drift_is_told_beside_a_new_measure(runs: Path) -> None:
    told = Told()
    assert len(earlier_reports(Workspace(runs / "new"), told)) == len(NAMES)
    assert told.of(Notice) == []
