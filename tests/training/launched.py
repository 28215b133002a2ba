"""Runs by several processes, as a launcher starts them, and what they must have in common with those of one."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.faults.process import context, finish, launched, start

ENVIRONMENT = {
    **os.environ,
    "OMP_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
}
ROWS = "--train train.jsonl --test test.jsonl --limit-test 6 --epochs 2"
SHORT = "--device cpu --dtype float32 --max-new-tokens 8 --torch-compile false"
KEEP = "--keep other=kept.jsonl:rouge1 --abilities none"


def started(line: str, home: Path, count: int) -> list[Any]:
    """The processes of a run, as a launcher starts them."""
    return [
        start(line.split(), home, name=str(rank), environment=environment)
        for rank, environment in enumerate(launched(count))
    ]


def run_together(function: Callable[..., None], arguments: Sequence[tuple[Any, ...]]) -> None:
    """Call it in processes of their own, which must succeed."""
    processes = [context.Process(target=function, args=each) for each in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
    assert [process.exitcode for process in processes] == [0] * len(processes)


def ended(processes: list[Any], home: Path) -> tuple[list[int], list[str]]:
    """Their exit codes, and what each said."""
    began = time.monotonic()
    found = [finish(process, home, began, str(rank)) for rank, process in enumerate(processes)]
    return [each.code for each in found], [each.err for each in found]


def losses(run: Path) -> list[float]:
    return [loss for _, loss in json.loads((run / "result.json").read_text())["training"]["loss_curve"]]


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(next(file for kind in ("adapter", "model") for file in (run / kind).glob("*.safetensors")))


def answers(run: Path) -> list[tuple[str, str, Any]]:
    files = sorted([*run.glob("samples/*.jsonl"), *run.glob("abilities/*/*.jsonl")])
    rows = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return [(row["item_id"], row["answer"]["output"], row["answer"]["output_tokens"]) for row in rows]


def lost_and_gone_on(line: str, home: Path, count: int) -> None:
    """Run `line` by two processes into ``lost``, kill the second after the first checkpoint, and go on by `count`."""
    # A checkpoint comes with each validation.
    processes = started(f"{line} --output lost", home, 2)
    until = time.monotonic() + 200
    while not list((home / "lost").glob("checkpoint-*")) and time.monotonic() < until:
        time.sleep(0.01)
    processes[1].kill()
    codes, said = ended(processes, home)
    assert codes == [1, -signal.SIGKILL]
    assert "a process of this run is gone" in said[0]
    assert "Traceback" not in said[0]
    codes, said = ended(started("tune --output lost --resume", home, count), home)
    assert codes == [0] * count, said
    resumed = re.search(r"resumed at step (\d+)", said[0])
    assert resumed
    assert int(resumed[1]) > 0


def assert_alike(one: Path, other: Path) -> None:
    """To rounding in float32, whose sums have another order."""
    assert losses(one) == pytest.approx(losses(other), rel=1e-4)
    left, right = weights(one), weights(other)
    assert left.keys() == right.keys()
    assert all(torch.allclose(left[name], right[name], atol=2e-4) for name in left)
    assert answers(one) == answers(other)
    files = [{str(file.relative_to(run)) for file in run.rglob("*") if file.is_file()} for run in (one, other)]
    assert files[0] == files[1]
