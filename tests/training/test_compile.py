"""When a run is compiled, and that a trial decides."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from keeptune.config import Adapter
from keeptune.events import Event, Notice, StepDone, silent
from keeptune.mitigation.row_source import FixedRows
from keeptune.models.compiled import PAYS_FROM, has_compiler, plainly
from keeptune.training import compile as compile_module
from keeptune.training.compile import Trial, try_compiling
from keeptune.training.loop import SHORT
from tests.tiny import save_llama
from tests.training.loops import gradients_of, loop_over
from tests.training.test_loop import ready, settings


def attempt(
    folder: Path, monkeypatch: pytest.MonkeyPatch, blocks: Any, wanted: bool | None = True, tokens: int = PAYS_FROM
) -> tuple[Any, list[str]]:
    """What is chosen where compiling gives `blocks`, and what is said."""
    loaded, rows = ready(folder, Adapter(rank=4, dropout=0.0), 8)
    monkeypatch.setattr(compile_module, "compile_blocks", lambda _model: blocks)
    monkeypatch.setattr(compile_module, "has_compiler", lambda: True)
    told: list[str] = []

    def hear(event: Event, /) -> None:
        assert isinstance(event, Notice)
        told.append(event.message)

    before = torch.get_rng_state()
    chosen = try_compiling(wanted, loaded, tokens, Trial(FixedRows(rows, 8, 0), gradients_of(loaded).loss), hear)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(parameter.grad is None for parameter in loaded.model.parameters())
    return chosen, told


@contextlib.contextmanager
def fine() -> Iterator[None]:
    yield


def test_by_default_only_long_runs(tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tiny("llama")
    assert attempt(folder, monkeypatch, fine, None, PAYS_FROM - 1) == (plainly, [])
    assert attempt(folder, monkeypatch, fine, None)[0] is fine
    assert attempt(folder, monkeypatch, fine, wanted=False) == (plainly, [])
    assert attempt(folder, monkeypatch, fine, True, 1)[0] is fine


def test_what_fails_is_left_and_said(tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def broken() -> Iterator[None]:
        yield
        raise RuntimeError("g++: no space left\non the device")

    chosen, told = attempt(tiny("llama"), monkeypatch, broken)
    assert chosen is plainly
    assert told[-1] == "the model is not compiled: g++: no space left"
    assert attempt(tiny("llama"), monkeypatch, None)[1][-1] == "the model is not compiled: it has no repeated blocks"


def test_another_loss_is_refused(tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def wrong() -> Iterator[None]:
        real = torch.nn.functional.cross_entropy
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(torch.nn.functional, "cross_entropy", lambda *a, **k: 1.1 * real(*a, **k))
            yield

    chosen, told = attempt(tiny("llama"), monkeypatch, wrong)
    assert chosen is plainly
    assert "its loss is" in told[-1]


@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_what_is_not_finite_is_refused(tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    @contextlib.contextmanager
    def broken() -> Iterator[None]:
        real = torch.nn.functional.cross_entropy

        def wrong(*given: Any, **more: Any) -> torch.Tensor:
            loss = real(*given, **more)
            # The root has value 0 and no slope at 0.
            return loss * math.nan if where == "loss" else loss + (loss - loss.detach()).sqrt()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(torch.nn.functional, "cross_entropy", wrong)
            yield

    chosen, told = attempt(tiny("llama"), monkeypatch, broken)
    assert chosen is plainly
    assert told[-1] == "the model is not compiled: its loss or its gradient is not finite"


def test_an_error_without_words_is_left_too(tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def broken() -> Iterator[None]:
        yield
        raise AssertionError

    chosen, told = attempt(tiny("llama"), monkeypatch, broken)
    assert chosen is plainly
    assert told[-1] == "the model is not compiled: AssertionError"


def test_dropout_is_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert attempt(save_llama(tmp_path, dropout=0.5), monkeypatch, fine)[0] is fine


@pytest.mark.parametrize(("epochs", "fails_at"), [(1.0, 3), (20.0, 1)], ids=["in a step", "before the first"])
def test_a_compiler_that_fails_later_is_left(
    tiny: Callable[..., Path], tmp_path: Path, epochs: float, fails_at: int
) -> None:
    class InductorError(RuntimeError):
        pass

    InductorError.__module__ = "torch._inductor.exc"
    entered = 0

    @contextlib.contextmanager
    def breaking() -> Iterator[None]:
        nonlocal entered
        entered += 1
        yield
        if entered == fails_at:
            raise InductorError("no space left")

    loaded, rows = ready(tiny("llama"), Adapter(rank=4, dropout=0.0))
    told: list[str] = []

    def hear(event: Event, /) -> None:
        if isinstance(event, Notice):
            told.append(event.message)

    loop = loop_over(loaded, rows, settings(epochs=epochs), tmp_path, "x", hear)
    assert (loop.steps >= SHORT) == (fails_at == 1), "short runs try no pass before the first step"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("keeptune.training.loop.try_compiling", lambda *_: breaking)
        state = loop()
    assert told == ["not compiled from here on: InductorError"]
    assert entered == fails_at
    assert state.step == loop.steps


@pytest.mark.skipif(not has_compiler(), reason="no C++ compiler")
def test_a_compiled_run_learns_the_same(tiny: Callable[..., Path], tmp_path: Path) -> None:
    curves = []
    for compiled in (False, True):
        loaded, rows = ready(tiny("llama"), Adapter(rank=4, dropout=0.0))
        losses: list[float] = []

        def hear(event: Event, /, losses: list[float] = losses) -> None:
            if isinstance(event, StepDone):
                losses.append(event.loss)

        loop_over(loaded, rows, settings(torch_compile=compiled), tmp_path / str(compiled), "x", hear)()
        curves.append(losses)
    assert curves[1] == pytest.approx(curves[0], rel=1e-3)
    assert curves[1][-1] < curves[1][0]


@pytest.mark.skipif(not has_compiler(), reason="no C++ compiler")
def test_kernels_are_found_again(tiny: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a process whose first call is a step, not the trial."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "kernels"))
    loaded, rows = ready(tiny("llama"), Adapter(rank=4, dropout=0.0), 8)
    gradients = gradients_of(loaded)
    torch._dynamo.reset()
    blocks = try_compiling(True, loaded, PAYS_FROM, Trial(FixedRows(rows, 8, 0), gradients.loss), silent)
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    for part, kinds in ((rows[:6], 1), (rows[:1], 2)):
        with blocks():
            gradients.loss(part).backward()
        counted = torch._dynamo.utils.counters["aot_autograd"]
        assert (counted["autograd_cache_hit"], counted["autograd_cache_miss"]) == (kinds, 0)
