"""What is found out before the first step is found out once, and only where it still holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keeptune.api.tune import tune
from keeptune.config import Full
from keeptune.events import silent
from keeptune.mitigation.row_source import FixedRows
from keeptune.models.memory import Meter
from keeptune.training import compile as compile_module
from keeptune.training import gradients
from keeptune.training.checkpoint import LoopState
from keeptune.training.compile import Trial, try_compiling
from keeptune.training.loop import Loop
from tests.api.runs import settings as run_settings
from tests.api.runs import write_rows
from tests.training.loops import loop_over
from tests.training.test_loop import ready, settings


class Counted:
    """Trains with a validation, and counts what comes before the first step."""

    def __init__(self, model: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.model, self.run = model, run
        self.validated: list[int] = []
        self.fitted = 0
        fit = gradients.fit_memory

        def counting_fit(*given: Any) -> Any:
            self.fitted += 1
            return fit(*given)

        monkeypatch.setattr(gradients, "fit_memory", counting_fit)

    def __call__(self, key: str, score: float = 2.0, **changes: Any) -> tuple[Loop, LoopState]:
        self.validated, self.fitted = [], 0
        loop = loop_over(
            *ready(self.model, Full()), settings(epochs=6.0, **changes), self.run, "x", silent, startup_key=key
        )

        def validate() -> tuple[float, Mapping[str, float]]:
            self.validated.append(1)
            return score, {"loss": score, "rouge1": 5.0}

        config = settings(epochs=6.0, **changes)
        loop = loop_over(*ready(self.model, Full()), config, self.run, "x", silent, validate, startup_key=key)
        return loop, loop()


@pytest.fixture
def counted(tiny: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(tiny("llama"), tmp_path, monkeypatch)


def test_the_next_of_its_kind_begins_at_once(counted: Counted, tmp_path: Path) -> None:
    first, learned = counted("k")
    assert (len(counted.validated), counted.fitted) == (7, 1)
    counted.run = tmp_path / "next"
    second, again = counted("k", score=3.0, lr=0.02)
    assert (len(counted.validated), counted.fitted) == (6, 0)
    assert again.validation_curve[0] == learned.validation_curve[0] == (0, 2.0)
    assert again.validation_curve[1] == (4, 3.0)
    assert again.best_step > 0, "the untrained model is no candidate"
    assert first.forecast is not None
    assert second.forecast is not None
    assert second.forecast.peak_bytes == first.forecast.peak_bytes


def test_the_weights_are_the_same(counted: Counted, tmp_path: Path) -> None:
    curves = []
    for name in ("first", "second"):
        counted.run = tmp_path / name
        curves.append(counted("k")[1].loss_curve)
    assert curves[0] == curves[1]


@pytest.mark.parametrize("key", ["", "other"])
def test_another_finds_out_anew(counted: Counted, tmp_path: Path, key: str) -> None:
    counted("k")
    for name in ("a", "b")[: 2 if not key else 1]:
        counted.run = tmp_path / name
        counted(key)
        assert (len(counted.validated), counted.fitted) == (7, 1)


def test_what_no_longer_fits_is_found_out_anew(
    counted: Counted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted("k")
    monkeypatch.setattr(Meter, "free", lambda meter: 0)
    monkeypatch.setattr(Meter, "used", lambda meter: 1)
    counted.run = tmp_path / "next"
    counted("k")
    assert counted.fitted == 2, "and again with gradient checkpointing"


def test_a_lowered_budget_is_not_kept(counted: Counted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit = gradients.fit_memory
    monkeypatch.setattr(gradients, "fit_memory", lambda *given: replace(fit(*given), token_budget=50))
    counted("k")
    counted.run = tmp_path / "next"
    counted("k")
    assert counted.fitted == 1


def test_a_broken_file_is_written_anew(counted: Counted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEPTUNE_CACHE", str(tmp_path / "cache"))
    counted("k")
    (file,) = (tmp_path / "cache" / "starts").rglob("k.jsonl")
    file.write_text(file.read_text()[:40])
    for name, fitted in (("next", 1), ("last", 0)):
        counted.run = tmp_path / name
        counted("k")
        assert counted.fitted == fitted


@pytest.mark.parametrize("passed", [True, False])
def test_a_trial_that_passed_is_not_made_again(
    tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, passed: bool
) -> None:
    trials: list[Any] = []

    def blocks() -> Any:
        raise AssertionError("nothing is run here")

    def trial(*given: Any) -> str:
        trials.append(given)
        return ""

    loaded, rows = ready(tiny("llama"), Full(), 8)
    monkeypatch.setattr(compile_module, "compile_blocks", lambda _model: blocks)
    monkeypatch.setattr(compile_module, "_failed", trial)
    asked = None if passed else Trial(FixedRows(rows, 8, 0), blocks)
    assert try_compiling(True, loaded, 1, asked, silent) is blocks
    assert len(trials) == (0 if passed else 1)


def test_a_run_at_another_rate_begins_at_once(
    tiny: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEEPTUNE_CACHE", str(tmp_path / "cache"))
    write_rows(tmp_path)
    (tmp_path / "mine.py").write_text("def points(output, references, example):\n    return 50.0\n")

    def kept(name: str, metrics: tuple[str, ...] = ("rouge1",), **training: Any) -> int:
        config = run_settings(tiny("llama"), tmp_path, name, **training)
        tune(replace(config, evaluation=replace(config.evaluation, metrics=metrics)))
        return len(list((tmp_path / "cache").rglob("starts/**/*.jsonl")))

    assert kept("first") == 1
    assert kept("other-rate", lr=0.01) == 1
    assert kept("other-seed", seed=1) == 2
    assert kept("other-metric", ("token_loss",)) == 3
    assert kept("own-metric", (f"{tmp_path / 'mine.py'}:points",)) == 3
