"""A run that is killed, anywhere, goes on to the very weights of one that was not: bit for bit, dropout on."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

STEPS = 30
ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "rows.jsonl"
    words = ["red", "green", "blue", "cold", "warm"]
    rows = [{"prompt": f"{words[i % 5]} {i}", "completion": f"{words[(i + 1) % 5]} {i}!"} for i in range(56)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def start(model: Path, data: Path, output: Path, method: str, resume: str = "new", hang_at: int = 0):
    command = [sys.executable, "-m", "tests.training.run_to_be_killed"]
    arguments = [str(model), str(data), str(output), method, resume, str(hang_at)]
    return subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=ENVIRONMENT)


def finish(process: subprocess.Popen) -> list[str]:
    lines = process.communicate(timeout=300)[0].splitlines()
    assert process.returncode == 0
    return lines


def kill_at(process: subprocess.Popen, line: str) -> None:
    assert process.stdout is not None
    for said in process.stdout:
        if said.strip() == line:
            break
    else:
        pytest.fail(f"the run ended before {line!r}")
    process.send_signal(signal.SIGKILL)
    process.wait()


def weights(output: Path) -> dict[str, torch.Tensor]:
    return load_file(next(p for p in (output / "adapter" / "adapter_model.safetensors",
                                      output / "model" / "model.safetensors") if p.exists()))  # fmt: skip


def assert_same_weights(one: Path, other: Path) -> None:
    left, right = weights(one), weights(other)
    assert left.keys() == right.keys()
    different = [name for name in left if not torch.equal(left[name], right[name])]
    assert not different


@pytest.mark.parametrize(("kind", "method"), [("llama", "lora"), ("gpt2", "full"), ("llama", "full-by-default")])
def test_killed_runs_resume_to_equal_weights(tiny, data: Path, tmp_path: Path, kind: str, method: str) -> None:
    model = tiny(kind)
    lines = finish(start(model, data, tmp_path / "whole", method))
    last = int(lines[-1].split()[1])
    before = len(list((tmp_path / "whole").glob("checkpoint-*")))
    assert before == 0, "a finished run keeps no checkpoints"
    broken = tmp_path / "broken"
    resume = "new"
    reached = 0
    for point in sorted(random.Random(7).sample(range(2, last - 10), 3)):
        kill_at(start(model, data, broken, method, resume), f"step {point}")
        resume, reached = "resume", point
    # And once with a checkpoint half written.
    process = start(model, data, broken, method, "resume", hang_at=last - 1)
    kill_at(process, "writing")
    assert list(broken.rglob(".checkpoint-*.partial")), "the kill left no half-written checkpoint"
    lines = finish(start(model, data, broken, method, "resume"))
    first = int(next(line for line in lines if line.startswith("from")).split()[1])
    # A checkpoint was due at every step, so no more than the step under way is repeated.
    assert first >= reached
    assert first >= last - 3
    assert_same_weights(tmp_path / "whole", broken)
    assert not list(broken.rglob(".*partial"))


def test_seeds_repeat_and_differ(tiny, data: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        finish(start(tiny("llama"), data, tmp_path / name, "lora"))
    assert_same_weights(tmp_path / "one", tmp_path / "two")
    curve = json.loads((tmp_path / "one" / "result.json").read_text())["training"]["loss_curve"]
    assert curve[-1][1] < curve[0][1]
