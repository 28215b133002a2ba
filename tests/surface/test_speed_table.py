"""The table of speed and memory: aims, records and curves are read as they are meant."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SPEED = Path(__file__).resolve().parents[2] / "benchmarks" / "speed"


@pytest.fixture
def beside_trl(monkeypatch) -> Iterator[ModuleType]:
    """The scripts import each other by their bare names."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(SPEED))
    import beside_trl

    yield beside_trl
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and Path(sys.modules[name].__file__).parent == SPEED:
            del sys.modules[name]


def run(rate: float, late: float = 0.0, curve: float = 0.0) -> dict[str, Any]:
    losses = [2.0, 1.5, 1.0]
    found = {"tokens_per_second": rate, "late_loss_difference": late, "curve_difference": curve, "losses": losses}
    return {**found, "compiled": True, "compile_seconds": 20.0, "dtype": "bfloat16"}


def record(best: str, same: str | None) -> dict[str, Any]:
    pair = {"keeptune": run(300), "fast": run(150, 0.04, 0.05), "slow": run(100)}
    return {"best": best, "same": same, "pairs": [pair, pair], "tried": pair, "reference": run(50), "method": "lora"}


def test_a_figure_stands_with_its_range_against_its_aim(beside_trl) -> None:
    aim = beside_trl.Aim("T1", "work", at_least=3)
    assert aim.line("a", "b", [5, 2, 4]) == "| T1 | work | a | b | 4.00× (2.00 to 5.00) | ≥ 3× | yes |"
    assert aim.line("a", "b", [2.9]).endswith("| 2.90× | ≥ 3× | no |")
    assert aim.line() == "| T1 | work | not measured yet |  |  | ≥ 3× |  |"
    assert beside_trl.Aim("T4", "w", at_most=1e-3, unit=" nats", form=".0e").line(values=[3e-6]).count("3e-06 nats")


def test_the_peer_is_shown_at_its_fastest_and_where_it_learns_the_same(beside_trl) -> None:
    aim = beside_trl.Aim("T1", "work", at_least=2.5)
    fast, slow = beside_trl.lines(record("fast", "slow"), aim)
    assert "2.00×" in fast
    assert "late loss +4.0%" in fast
    assert fast.endswith("no |")
    assert "3.00×" in slow
    assert slow.endswith("yes |")
    assert len(beside_trl.lines(record("slow", "slow"), aim)) == 1
    assert "no setting learns the same" in beside_trl.lines(record("fast", None), aim)[1]
    assert "20 s the first time, 20 s from then on" in beside_trl.told(record("fast", "slow"))


def test_bfloat16_weights_do_not_pass_for_full_tuning(beside_trl) -> None:
    full, lora = (beside_trl.Case(method, 1e-4) for method in ("full", "lora"))
    assert beside_trl._learns(lora, "bf16 weights, 8 rows", run(1))
    assert not beside_trl._learns(full, "bf16 weights, 8 rows", run(1))
    assert beside_trl._learns(full, "bf16 autocast, 8 rows", run(1))
    assert not beside_trl._learns(full, "bf16 autocast, 8 rows", run(1, curve=0.031))


def test_losses_are_compared_step_by_step_and_over_the_last_half(beside_trl) -> None:
    found = beside_trl._beside([2.0, 2.0, 1.1, 0.9], [2.0, 1.0, 1.0, 1.0])
    assert found["late_loss_difference"] == pytest.approx(0.0)
    assert found["curve_difference"] == pytest.approx((0 + 1 + 0.1 + 0.1) / 4 / 1.25)


def test_drawings_are_the_same_bytes_every_time(beside_trl) -> None:
    import curves

    drawn = curves.svg("LoRA", curves.curves(record("fast", "slow")))
    assert drawn == curves.svg("LoRA", curves.curves(record("fast", "slow")))
    assert len(ElementTree.fromstring(drawn).findall("{*}polyline")) == 3


def test_threads_of_a_timed_training_wait_as_those_of_a_user() -> None:
    """OpenMP reads how they wait as torch is loaded."""
    own = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    code = "import os, sys, train; print(os.environ.get('OMP_WAIT_POLICY'), 'torch' in sys.modules)"
    words = [sys.executable, "-c", code]
    told = subprocess.run(words, env=own, cwd=SPEED / "ours", capture_output=True, text=True, check=True)
    assert told.stdout == "passive False\n"
