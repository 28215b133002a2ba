"""The package that docs/extend.md shows, built from its blocks and used without an edit in keeptune."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from keeptune.events import Notice, StepDone
from tests.plugins import install_plugin

PAGE = Path(__file__).resolve().parents[2] / "docs" / "extend.md"
USE = """
import json, sys
from keeptune.cli.main import main

for words in json.loads(sys.argv[1]):
    code = main(words)
    if code:
        sys.exit(f"{code} from {words}")
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tomllib = pytest.importorskip("tomllib")
    (declared,) = blocks("toml")
    project = tomllib.loads(declared)["project"]
    module = "\n".join(blocks("python"))
    folder = tmp_path_factory.mktemp("site")
    return install_plugin(folder, project["name"], {"keeptune_example.py": module}, project["entry-points"])


def use(installed: Path, folder: Path, *commands: list[str]) -> None:
    path = os.pathsep.join(filter(None, (str(installed), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    arguments = [sys.executable, "-c", USE, json.dumps(commands)]
    done = subprocess.run(arguments, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_part_is_about_ten_lines() -> None:
    for block in (*blocks("python"), *blocks("py")):
        assert len([line for line in block.splitlines() if line.strip()]) <= 18


def test_what_the_package_adds_is_used_by_name(installed: Path, tiny, tmp_path: Path) -> None:
    pairs = [f"Say something of the number {number}.\nIt is {number}." for number in range(40)]
    (tmp_path / "rows.blocks").write_text("\n\n".join(pairs))
    task = ["--train", "rows.blocks", "--metric", "one_sentence", "--keep", "counting", "--items", "40"]
    model = ["--model", str(tiny("llama"))]
    steps = ["--epochs", "1", "--abilities", "none", "--max-new-tokens", "8", "--output", "run", "--quiet"]
    steps += ["--mitigation", "small_weights=0.5", "--fail-on", "none"]
    measured = ["--tuned", "run", "--keep", "counting", "--items", "40", "--abilities", "none", "--output", "measured"]
    measured += ["--fail-on", "none", "--engine", "counted"]
    use(
        installed,
        tmp_path,
        ["check", "--train", "rows.blocks", *model],
        ["tune", *task, *model, *steps],
        ["measure", *measured],
        ["export", "run", "with_prompt", "--no-check"],
    )
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert set(result["scores"]["tuned"]) == {"one_sentence"}
    assert "small_weights" in json.dumps(result["config"]["mitigation"])
    (exported,) = (tmp_path / "run" / "exports").glob("with_prompt-*/")
    assert {"model.safetensors", "settings.json"} <= {file.name for file in exported.iterdir()}
    for run in ("run", "measured"):
        (ability,) = json.loads((tmp_path / run / "forgetting.json").read_text())["abilities"]
        assert (ability["name"], ability["declared"]) == ("counting", True)


def test_the_observer_writes_each_loss(tmp_path: Path) -> None:
    (block,) = [block for block in blocks("python") if "class LossFile" in block]
    names: dict[str, Any] = {}
    exec(block, names)
    told = names["LossFile"](tmp_path / "losses.csv")
    for event in (Notice("a", "b"), StepDone(1, 2, 0.5, 2.5, 1e-4, 1.0, 9.0, 1.0), StepDone(2, 2, 1, 2.0, 0, 1, 9, 0)):
        told(event)
    assert (tmp_path / "losses.csv").read_text() == "1,2.5\n2,2.0\n"
