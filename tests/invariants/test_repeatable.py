"""What the guide promises of repeating a run: each run in a process of its own, as users have them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from keeptune.records import Reproduction, from_plain
from tests.api.runs import write_rows
from tests.faults.oracle import differences, made


@dataclass(frozen=True)
class Runs:
    """One run made in ``first`` with an empty cache, and in ``second`` with the cache that it filled."""

    folder: Path

    def keeptune(self, cwd: str, *words: str, seed: int, cache: str, threads: int = 1) -> subprocess.CompletedProcess:
        here = self.folder / cwd
        here.mkdir(exist_ok=True)
        own = {"PYTHONHASHSEED": str(seed), "OMP_NUM_THREADS": str(threads)}
        own["KEEPTUNE_CACHE"] = str(self.folder / cache)
        command = [sys.executable, "-m", "keeptune", *words, "--quiet"]
        return subprocess.run(
            command, cwd=here, env={**os.environ, **own}, capture_output=True, text=True, check=False, timeout=600
        )

    def tune(self, cwd: str, seed: int, cache: str) -> None:
        files = [f"--{name}={self.folder}/{name}.jsonl" for name in ("train", "test")]
        kept = ["--keep", f"colours={self.folder}/kept.jsonl:exact_match", "--abilities", "facts", "--items", "30"]
        how = ["--device", "cpu", "--dtype", "float32", "--lr", "0.03", "--epochs", "3", "--batch-size", "4"]
        how += ["--rank", "4", "--few-shot", "2", "--max-new-tokens", "8", "--output", "run", "--fail-on", "fail"]
        ended = self.keeptune(
            cwd, "tune", "--model", f"{self.folder}/base", *files, *kept, *how, seed=seed, cache=cache
        )
        assert ended.returncode == 0, ended.stderr

    def made(self, cwd: str) -> dict[str, object]:
        return made(self.folder / cwd / "run", self.folder / cwd)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, tiny: Callable[..., Path]) -> Runs:
    folder = tmp_path_factory.mktemp("repeated")
    write_rows(folder)
    (folder / "base").symlink_to(tiny("llama"))
    found = Runs(folder)
    found.tune("first", 1, "cache")
    found.tune("second", 2, "cache")
    return found


def test_hash_seed_folder_and_cache_change_no_byte(runs: Runs) -> None:
    assert any(name.startswith("abilities/facts") for name in runs.made("first"))
    assert differences(runs.made("first"), runs.made("second")) == []


def test_a_reproduction_in_another_process_gives_the_same_bytes(runs: Runs) -> None:
    ended = runs.keeptune("first", "reproduce", "run", seed=3, cache="empty")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1].startswith("same bytes: the weights, and the records of ")
    assert not (runs.folder / "empty").exists(), "it has its own"


def test_other_threads_are_named_and_begin_alike(runs: Runs) -> None:
    """Rows, items and the order of steps are the same; what rounding makes of them later is not promised."""
    words = ("reproduce", "run", "--output", "threads", "--json")
    ended = runs.keeptune("first", *words, seed=1, cache="cache", threads=2)
    again = from_plain(Reproduction, json.loads(ended.stdout))
    assert ended.returncode == (3 if again.outcome == "differs" else 0)
    assert again.changed == {"threads": ("1", "2")}
    results = [json.loads((runs.folder / "first" / name / "result.json").read_text()) for name in ("run", "threads")]
    then, now = (result["training"] for result in results)
    assert [step for step, _ in then["loss_curve"]] == [step for step, _ in now["loss_curve"]]
    assert now["loss_curve"][0][1] == pytest.approx(then["loss_curve"][0][1], abs=1e-4)
    assert [(each.what, each.model, each.items) for each in again.answers][:2] == [
        ("task", "base", 12),
        ("task", "tuned", 12),
    ]
