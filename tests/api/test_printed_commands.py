"""The commands that a run prints are run, from folders whose names a shell would take apart."""

from __future__ import annotations

import io
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from keeptune.api.mix import mix, recipe_of
from keeptune.cli.main import main
from keeptune.cli.settings import read_settings
from keeptune.config import DataConfig, Keep, MitigationSearchConfig
from keeptune.data.load import load_examples
from keeptune.experiments.tuning import _what_auto_would_do
from keeptune.report.mix import mix_report
from keeptune.report.terminal import tune_report
from keeptune.workspace.workspace import Workspace
from keeptune.workspace.written import write_settings
from tests.api.runs import Ran
from tests.pasted import parsed, pasted, shell_words

HOSTILE = "my 'runs' & $HOME"


def printed(renderable: object, begin: str) -> str:
    out = io.StringIO()
    Console(file=out, width=100).print(renderable, crop=False)
    line = next(line for line in out.getvalue().splitlines() if begin in line)
    return line[line.index(begin) :].rstrip()


def test_the_command_that_ends_a_run(
    run: Ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(shutil.copytree(run.path, tmp_path / HOSTILE / "run"))
    words = shell_words(printed(tune_report(replace(run.result, path=str(path))), "keeptune chat"))
    monkeypatch.setattr("keeptune.inference.chat.REPLY_TOKENS", 4)
    monkeypatch.setattr(sys, "stdin", io.StringIO("red stone\n"))
    assert main([*words[1:], "--quiet"]) == 0
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines() if ":" in line] == ["base", "tuned"]


def test_the_command_that_ends_a_mix(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(f'{{"prompt": "number {n}", "completion": "it is {n}"}}\n' for n in range(8)))
    report = mix(recipe_of(None, {"sources": (str(rows),)}), str(tmp_path / HOSTILE))
    verb, given = pasted(printed(mix_report(report), "keeptune tune"))
    assert verb == "tune"
    assert len(load_examples(given["train"], DataConfig(), "train").examples) == 8


def test_the_command_that_search(run: Ran, tmp_path: Path) -> None:
    folder = tmp_path / HOSTILE
    measure = replace(run.config.measure, extent=None, keep=(Keep("kept", str(run.folder / "kept.jsonl"), "rouge1"),))
    config = replace(run.config, measure=measure, output=str(folder))
    write_settings(folder / "config.json", config)
    said = _what_auto_would_do(config, Workspace(folder), 3.0)
    _, given = parsed(shell_words(said[said.index("keeptune tune") :]))
    flags = {name: value for name, value in given.items() if name != "config"}
    again = read_settings(given["config"], flags)
    assert again == replace(config, mitigation_search=MitigationSearchConfig(auto=True), output=f"{folder}-auto")
