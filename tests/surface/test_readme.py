"""README and the pages in docs/ show what the records say, and their examples are ones that the program accepts."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from keeptune.config import Adapter, ModelConfig
from keeptune.config.load import load_config
from keeptune.exports.save import save_tuned
from keeptune.models.adapters import METHODS, attach_adapter
from keeptune.models.load import load_model
from keeptune.scoring.table import METRICS
from keeptune.workspace.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
GUIDE = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
KEEPING, MIXING = ((ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in ("keeping", "mixing"))
PAGES = (README, GUIDE, KEEPING, MIXING)


def blocks(language: str, *pages: str) -> list[str]:
    return [block for page in pages for block in re.findall(rf"^```{language}\n(.*?)^```", page, re.S | re.M)]


def test_readme_is_short() -> None:
    assert len(README.splitlines()) <= 150


def test_tables_are_those_of_the_records() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "readme.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


COMMANDS = sorted({line for block in blocks("", *PAGES) for line in block.splitlines() if line.startswith("keeptune ")})


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_parses(line: str) -> None:
    from keeptune.cli.main import keeptune

    verb, *arguments = shlex.split(line)[1:]
    command = keeptune.get_command(None, verb)
    command.make_context(verb, arguments)


def test_there_are_commands() -> None:
    assert len(COMMANDS) >= 20


def test_yaml_is_a_config(tmp_path: Path) -> None:
    (block,) = blocks("yaml", GUIDE)
    file = tmp_path / "run.yaml"
    file.write_text(block)
    config = load_config(file, {}, methods=METHODS, metrics=METRICS)
    assert config.data.train == yaml.safe_load(block)["data"]["train"]
    assert config.training.lr == 1e-3


def test_python_example_names_real_things(monkeypatch, tmp_path: Path) -> None:
    block = next(block for block in blocks("python", README) if "keeptune" in block)
    import keeptune

    seen = []

    class Result:
        class First:
            difference = "an interval"

        comparisons = (First,)

    monkeypatch.setattr(keeptune, "tune", lambda config: seen.append(config) or Result, raising=False)
    exec(compile(block, "README.md", "exec"), {})
    assert seen[0].data.train == "tickets.jsonl"


def test_an_adapter_is_merged_as_it_says(tiny: Callable[..., Path], monkeypatch, tmp_path: Path) -> None:
    loaded = load_model(ModelConfig(name=str(tiny("llama")), device="cpu", dtype="float32"))
    attach_adapter(loaded, Adapter(rank=2), seed=0)
    save_tuned(loaded, Workspace(tmp_path / "runs" / "tickets-lora-1"))
    monkeypatch.chdir(tmp_path)
    block = next(block for block in blocks("python", GUIDE) if "merge_and_unload" in block)
    exec(compile(block, "README.md", "exec"), {})
    merged = load_model(ModelConfig(name="merged", device="cpu", dtype="float32"))
    assert merged.parameters == load_model(ModelConfig(name=str(tiny("llama")), device="cpu")).parameters


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`?make ([\w-]+)", README):
        assert re.search(rf"^{target}:", makefile, re.M), target
