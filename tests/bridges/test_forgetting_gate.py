"""The workflow of examples/forgetting-gate: its steps run as they stand, with tiny models."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "forgetting-gate"
WORKFLOW = yaml.safe_load((EXAMPLE / ".github" / "workflows" / "forgetting.yml").read_text(encoding="utf-8"))
STEPS: list[dict[str, Any]] = WORKFLOW["jobs"]["gate"]["steps"]


@pytest.fixture
def repository(tmp_path: Path, knowing: Path, colours: Path) -> Path:
    """A copy whose base and items are tiny, with commands of this environment."""
    copy = tmp_path / "repository"
    shutil.copytree(EXAMPLE, copy)
    shutil.copy(colours, copy / "abilities" / "support.jsonl")
    (copy / "models" / "base.txt").write_text(f"{knowing}\n")
    commands = {"pip": "test -f requirements.txt", "keeptune": f'exec "{sys.executable}" -m keeptune "$@"'}
    for name, does in commands.items():
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    return copy


def run_steps(repository: Path) -> int:
    """The exit code of the first `run:` that fails, as the runner's shell has it; 0 if none does."""
    path = f"{repository.parent / 'bin'}{os.pathsep}{os.environ['PATH']}"
    for step in STEPS:
        if "run" in step:
            command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
            done = subprocess.run(command, cwd=repository, env={**os.environ, "PATH": path}, timeout=600, check=False)
            if done.returncode:
                return done.returncode
    return 0


def test_a_checkpoint_that_lost_an_ability_fails(repository: Path, tiny: Callable[..., Path]) -> None:
    (repository / "models" / "tuned.txt").write_text(f"{tiny('llama')}\n")
    assert run_steps(repository) == 3
    kept = next(step for step in STEPS if "upload-artifact" in step.get("uses", ""))
    assert (repository / kept["with"]["path"] / "report.html").stat().st_size > 0
    assert kept["if"] == "always()"


def test_an_unharmed_checkpoint_passes(repository: Path, knowing: Path) -> None:
    (repository / "models" / "tuned.txt").write_text(f"{knowing}\n")
    assert run_steps(repository) == 0
    assert (repository / "report" / "report.html").stat().st_size > 0


def test_the_workflow_may_do_little() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in WORKFLOW[True]
    assert "requirements.txt" in WORKFLOW[True]["pull_request"]["paths"]
    assert "permissions" not in WORKFLOW["jobs"]["gate"]
    used = [step["uses"] for step in STEPS if "uses" in step]
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", each) for each in used)
    assert "${{" not in "".join(step.get("run", "") for step in STEPS)
    assert "secrets" not in str(WORKFLOW)
