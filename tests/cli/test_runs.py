"""`keeptune runs` over fifty written runs and two really made, the second tuned from the first one's weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from keeptune.api.tune import tune
from keeptune.cli.main import main
from keeptune.config import Full, Keep, MeasureConfig, ModelConfig
from tests.api.runs import CPU, settings, write_rows
from tests.workspace.many_runs import write_fifty


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tiny: Callable[..., Path]) -> Path:
    """Two real runs, then the fifty."""
    folder = tmp_path_factory.mktemp("cli-runs") / "runs"
    folder.mkdir()
    write_rows(folder.parent)
    keep = MeasureConfig(keep=(Keep("colours", str(folder.parent / "kept.jsonl"), "exact_match"),), abilities=("none",))
    config = replace(settings(tiny("llama"), folder.parent, "runs/real-1", epochs=1.0), method=Full(), measure=keep)
    tune(config)
    model = ModelConfig(name=str(folder / "real-1" / "model"), **CPU)
    tune(replace(config, model=model, output=str(folder / "real-2"), training=replace(config.training, seed=1)))
    write_fifty(folder)
    return folder


def listed(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert main(["runs", *words, "--json"]) == 0
    return [run["name"] for run in json.loads(capsys.readouterr().out)]


def test_every_run_has_a_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", str(folder)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "52 runs" in out
    assert "rouge1 +5.3 (+3.3 to +7.3)" in out
    assert "0 of 1" in out
    assert "odd: a record of another shape" in out


def test_runs_are_filtered_and_ordered(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = str(folder)
    assert len(listed(capsys, where, "--task", "Dialog")) == 14
    assert listed(capsys, where, "--state", "unfinished") == ["stopped"]
    assert set(listed(capsys, where, "--state", "damaged")) == {"cut", "odd", "binary"}
    assert set(listed(capsys, where, "--lost", "--task", "dialogsum")) >= {"dialogsum-3", "dialogsum-33"}
    assert len(listed(capsys, where, "--method", "full", "--model", "qwen")) == 4
    best = [name for name in listed(capsys, where, "--sort", "gain", "--model", "smollm2") if "-" in name]
    assert "dialogsum-39" not in best
    assert best.index("entities-38") < best.index("dialogsum-36")
    assert listed(capsys, where, "--sort", "name")[:2] == ["binary", "cut"]


def test_real_runs_are_shown_and_compared(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "show", "real-1", "--in", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "finished" in out
    assert "colours" in out
    assert "method.kind" in out
    assert main(["runs", "compare", "real-1", "real-2", "--in", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "not comparable" not in out
    assert "gain on the task" in out
    assert "change of colours" in out
    assert "training.seed" in out
    assert main(["runs", "compare", "real-1", "tickets-1", "--in", str(folder)]) == 0
    assert "task: scored on other items" in capsys.readouterr().out


def test_what_is_needed_is_not_deleted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "delete", "real-1", "--in", str(folder), "--yes"]) == 1
    assert "real-1 is needed by 1 other run" in capsys.readouterr().err
    assert (folder / "real-1" / "result.json").exists()


def test_deleting_asks_first(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert main(["runs", "delete", "stopped", "--in", str(folder)]) == 130
    assert (folder / "stopped").exists()
    assert main(["runs", "delete", "stopped", "--in", str(folder), "--yes"]) == 0
    assert "deleted" in capsys.readouterr().out
    assert not (folder / "stopped").exists()


def test_names_of_folders_do_nothing_in_a_terminal_when_one_is_deleted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, model in (("a\u202eb", "m"), ("other\u202e", str(tmp_path / "a\u202eb"))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps({"type": "TuneConfig", "model": {"name": model}}))
    assert main(["runs", "delete", "a\u202eb", "--in", str(tmp_path), "--yes", "--force"]) == 0
    told = capsys.readouterr()
    assert "note: other⟨U+202E⟩: its model.name is in this run" in told.err
    assert "a⟨U+202E⟩b" in told.out
    assert "\u202e" not in told.out + told.err


def test_help_is_there_for_every_word(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ((), ("list",), ("show",), ("compare",), ("delete",)):
        assert main(["runs", *words, "--help"]) == 0
    shown = capsys.readouterr().out
    for flag in ("--task", "--model", "--method", "--state", "--lost", "--sort", "--json", "--yes", "--force", "--in"):
        assert flag in shown
