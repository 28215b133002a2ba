"""The soak of `benchmarks/soak.py`: a short cycle leaves nothing behind, and its rule tells flat from not flat."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import soak
import soak_process
from soak_runs import PARTS, Cycle

SHORT = ("lora_plain", "stopped_and_resumed", "evaluated", "predicted", "asked", "mixed", "bad_rows", "refused")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it reads /proc")
def test_a_cycle_leaves_no_files_threads_or_processes(
    tiny: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("models", "temporary"):
        (tmp_path / name).mkdir()
    (tmp_path / "models" / "llama").symlink_to(tiny("llama"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    held = []
    for number in (1, 2):
        assert len(list(Cycle(number, tmp_path / "models", tmp_path / f"cycle-{number}").run(SHORT))) == len(SHORT)
        held.append(soak_process.held())
    first, second = held
    assert {name: second[name] for name in soak.SAME} == {name: first[name] for name in soak.SAME}
    assert second["temporary"] == 0


def test_every_part_of_a_cycle_is_run() -> None:
    methods = {name for name, value in vars(Cycle).items() if callable(value) and not name.startswith("_")}
    assert methods == {*PARTS, "run"}


def cycles(rss: Callable[[int], float], **last: Any) -> list[dict[str, Any]]:
    """Forty, of ten trainings and a minute each."""
    made = [
        {"cycle": n, "trainings": 10 * n, "minutes": float(n), "rss": rss(n), "peak": 900.0, "reads": 100 * n}
        | {"files": {"pipe": 2}, "threads": 5, "children": 0, "temporary": 0}
        for n in range(1, 41)
    ]
    return [*made[:-1], made[-1] | last]


@pytest.mark.parametrize(
    ("made", "not_flat"),
    [
        (cycles(lambda n: 800.0 + n % 3), []),
        (cycles(lambda n: 500.0 + 50 * min(n, 9)), []),
        (cycles(lambda n: 800.0 + 0.05 * n), []),
        (cycles(lambda n: 800.0 + 0.2 * n + n % 3), ["memory"]),
        (cycles(lambda n: 800.0, files={"pipe": 2, "socket": 1}), ["files"]),
        (cycles(lambda n: 800.0, threads=6, temporary=1), ["threads", "temporary"]),
    ],
    ids=["flat", "warm-up alone", "less than a MiB", "grows", "a socket", "a thread and a file"],
)
def test_the_rule_tells_flat_from_not_flat(made: list[dict[str, Any]], not_flat: list[str]) -> None:
    assert soak.judged(made, 0.0)["not_flat"] == not_flat


def test_growth_is_by_trainings_and_by_hours() -> None:
    found = soak.judged(cycles(lambda n: 800.0 + 0.5 * n), 0.0)
    assert found["less_tensor_reads"] == found["mib_per_100_trainings"]
    assert found["mib_per_100_trainings"] == {"estimate": 5.0, "low": 5.0, "high": 5.0}
    assert found["mib_per_hour"] == 30.0


def test_what_tensor_reads_keep_is_told_apart() -> None:
    found = soak.judged(cycles(lambda n: 800.0 + 0.5 * n), 0.0049)
    assert found["mib_per_100_trainings"]["estimate"] == 5.0
    assert found["less_tensor_reads"]["estimate"] == pytest.approx(0.1)
    assert found["not_flat"] == []


def test_tensors_that_are_read_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.UntypedStorage, "__getitem__", torch.UntypedStorage.__getitem__)
    assert soak_process.count_reads() in (0.0, 64 / 2**20)
    save_file({"a": torch.zeros(3), "b": torch.zeros(4)}, tmp_path / "two.safetensors")
    before = soak_process.held()["reads"]
    load_file(tmp_path / "two.safetensors")
    assert soak_process.held()["reads"] == before + 2
