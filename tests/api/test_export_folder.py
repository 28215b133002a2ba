"""Where an export goes, what may stand in its way, and what is refused before anything is written."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from keeptune.api.export import export
from keeptune.api.tune import tune
from keeptune.cli.main import main
from keeptune.config.sections.export import ExportConfig
from keeptune.errors import ConfigError, DataError, MissingDependency, StoreError
from tests.api.runs import Ran, settings, write_rows

KILLED = """
import sys
from keeptune.api.export import export
from keeptune.config.sections.export import ExportConfig
from keeptune.exports.formats.safetensors_format import SafetensorsFormat

SafetensorsFormat.tool = "killer"
export(ExportConfig(sys.argv[1], "safetensors", ("float16",)))
"""


def test_a_killed_export_leaves_nothing_in_the_way(run: Ran, tmp_path: Path) -> None:
    (tmp_path / "killer.py").write_text("import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n")
    paths = os.pathsep.join((str(tmp_path), *sys.path))
    command = [sys.executable, "-c", KILLED, str(run.path)]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, check=False)
    assert done.returncode == -signal.SIGKILL
    left = [each.name for each in (run.path / "exports").iterdir() if "float16" in each.name or "base" in each.name]
    assert left != []
    assert all(name.endswith(".partial") for name in left)
    (report,) = export(ExportConfig(str(run.path), "safetensors", ("float16",)))
    assert str(report.prompts) == "12 of 12"
    assert list((run.path / "exports").glob(".*")) == []


def test_mlx_needs_its_package(run: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match="mlx-lm"):
        export(ExportConfig(str(run.path), "mlx"))


def test_an_output_that_cannot_be_taken_is_refused(run: Ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "here")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    monkeypatch.chdir(tmp_path / "here")
    refused = {
        ".": "is the folder that you are in",
        "../file": "file is a file",
        "../file/below": "file is a file",
        "../link": "is a link",
        "../nowhere": "is a link",
        str(run.path / "model"): "is a folder of the run itself",
        str(run.path / "exports"): "is a folder of the run itself",
    }
    for output, told in refused.items():
        with pytest.raises(StoreError, match=told):
            export(ExportConfig(str(run.path), "adapter", check=False, output=output))
    (report,) = export(ExportConfig(str(run.path), "adapter", check=False, output="new"))
    assert report.path == str(tmp_path / "here" / "new")


def test_only_written(run: Ran, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["export", str(run.path), "safetensors", "--no-check", "--output", str(tmp_path / "files"), "--json"]
    assert main(command) == 0
    (report,) = json.loads(capsys.readouterr().out)
    assert (report["tool"], report["prompts"]) == ("", None)


def test_what_would_be_published_is_said(run: Ran, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["export", str(run.path), "safetensors", "--output", str(tmp_path / "files"), "--push-to-hub"]
    assert main([*command, "me"]) == 2
    assert "give OWNER/NAME" in capsys.readouterr().err
    assert main([*command, "me/rows", "--dry-run"]) == 0
    told = capsys.readouterr().err
    assert "would be published as me/rows: " in told
    assert "model.safetensors (" in told


def test_what_cannot_be_exported(run: Ran, tmp_path: Path) -> None:
    of_run = str(run.path)
    with pytest.raises(ConfigError, match=r"no format 'safetensor'.*\n.*did you mean safetensors"):
        export(ExportConfig(of_run, "safetensor"))
    with pytest.raises(ConfigError, match=r"has no type 'Q4'"):
        export(ExportConfig(of_run, "safetensors", ("Q4",)))
    with pytest.raises(ConfigError, match="has no types to choose from"):
        export(ExportConfig(of_run, "safetensors", ("auto",)))
    with pytest.raises(ConfigError, match="margin of task is 150"):
        export(ExportConfig(of_run, "safetensors", margin=150.0))
    for alone in ({"dry_run": True}, {"private": True}):
        with pytest.raises(ConfigError, match="say how an export is published"):
            export(ExportConfig(of_run, "safetensors", **alone))
    with pytest.raises(ConfigError, match="the items decide which is exported"):
        export(ExportConfig(of_run, "safetensors", ("float32", "bfloat16"), check=False))
    with pytest.raises(StoreError, match="there is no run"):
        export(ExportConfig(str(tmp_path), "safetensors"))
    with pytest.raises(ConfigError, match=r"holds no convert_hf_to_gguf\.py"):
        export(ExportConfig(of_run, "gguf", llama_cpp=str(tmp_path)))


def test_other_items_than_were_scored_are_refused(tiny: Callable[..., Path], tmp_path: Path) -> None:
    _, test = write_rows(tmp_path)
    config = settings(tiny("llama"), tmp_path, "run")
    tune(config)
    rows = [json.loads(line) | {"id": f"new-{n}"} for n, line in enumerate(test.read_text().splitlines())]
    test.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(StoreError, match="other items than its settings name now"):
        export(ExportConfig(config.output, "safetensors"))
    test.unlink()
    with pytest.raises(DataError):
        export(ExportConfig(config.output, "safetensors"))
    assert not (Path(config.output) / "exports").exists()


def test_an_adapter_is_not_put_on_another_base_than_its_own(tiny: Callable[..., Path], tmp_path: Path) -> None:
    write_rows(tmp_path)
    shutil.copytree(tiny("llama"), tmp_path / "base")
    config = settings(tmp_path / "base", tmp_path, "run", epochs=1.0)
    tune(config)
    file = tmp_path / "base" / "model.safetensors"
    weights = {name: weight + 1 for name, weight in load_file(file).items()}
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(StoreError, match=r"base holds other weights than .*run started from"):
        export(ExportConfig(config.output, "safetensors", check=False))
