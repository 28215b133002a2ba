"""A module that runs in a process of its own is the installed one, whatever lies in the working folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from keeptune.errors import ModelError
from keeptune.exports.asking import Job, ask
from keeptune.exports.module_process import module_command


def test_it_runs_as_by_m(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a":1}')
    command = module_command("json.tool", "--compact", "a.json")
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=True).stdout.strip() == b'{"a":1}'


def test_nothing_is_imported_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("runpy", "json", "stranger"):
        (tmp_path / f"{name}.py").write_text("open('ran', 'w')\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match="stranger cannot load or ask"):
        ask("stranger", Job("model", "", "causal", 8, 1, ()), lambda _: None)
    assert not (tmp_path / "ran").exists()
