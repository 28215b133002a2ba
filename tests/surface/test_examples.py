"""The examples run as they stand, with a tiny model in the place of the real one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_yaml_with_own_metric(tiny, tmp_path: Path) -> None:
    output = tmp_path / "run"
    arguments = ["--config", "examples/tune.yaml", "--model", str(tiny("llama")), "--output", str(output), "--quiet"]
    arguments += ["--measure", "none"]
    run("-m", "keeptune", "tune", *arguments)
    result = json.loads((output / "result.json").read_text())
    assert set(result["scores"]["tuned"]) == {"rouge1", "examples/own_metric.py:one_sentence"}
    assert result["config"]["method"]["rank"] == 8


def test_from_python(tiny, tmp_path: Path) -> None:
    said = run("examples/from_python.py", str(tiny("llama")), str(tmp_path / "run"))
    assert "step 1 of" in said
    assert "rouge1" in said


def test_minimal_loop(tiny) -> None:
    file = ROOT / "examples" / "minimal_loop.py"
    assert len(file.read_text(encoding="utf-8").splitlines()) < 120
    said = run(str(file), str(tiny("llama")), "40")
    losses = [float(line.rpartition(" ")[2]) for line in said.splitlines() if line.startswith("step ")]
    assert losses[-1] < losses[0], "it learns"
    assert "rouge1: " in said
    assert "facts: " in said
