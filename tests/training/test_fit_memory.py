"""The token budget that memory allows, by a model of memory that is known."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch

from keeptune.config import Full
from keeptune.data.batching import split_by_budget
from keeptune.events import CheckpointSaved, Event, ForecastMade, Notice, silent
from keeptune.mitigation.objective import Objective
from keeptune.models.memory import Meter, _of_group, out_of_memory
from keeptune.records import EncodedRow
from keeptune.training.fit_memory import Held, MemoryFit, fit_memory
from tests.training.loops import loop_over
from tests.training.test_loop import ready, settings

GIB = 1 << 30
HELD = Held(gradient=4000, moments=8000)
PER_WEIGHT = 8


def row(length: int) -> EncodedRow:
    return EncodedRow(f"r{length}", tuple(range(length)), (), ((1, 2),), 0)


def padded(rows: Sequence[EncodedRow]) -> int:
    return len(rows) * max(row.length for row in rows)


@dataclass
class Machine:
    """A process that holds `fixed` bytes and takes `by_token` more for every token of its largest pass."""

    whole: int
    fixed: int = GIB
    by_token: int = 1 << 20
    kind: str = "cpu"
    passes: list[int] = field(default_factory=list)

    @property
    def device(self) -> torch.device:
        return torch.device(self.kind)

    def used(self) -> int:
        return self.fixed + self.by_token * max(self.passes, default=0)

    peak = used

    def release(self) -> None:
        self.passes.clear()

    def free(self) -> int:
        return self.whole - self.used()

    def run(self, rows: Sequence[EncodedRow]) -> None:
        if self.fixed + self.by_token * padded(rows) > self.whole:
            if self.kind == "cpu":
                pytest.fail("the process would have been ended")
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.passes.append(padded(rows))


BATCHES = [[row(10), row(90), row(95), row(100)], [row(40), row(41), row(42), row(44)], [row(12)]]


def fit(machine: Machine, told: list[str] | None = None) -> MemoryFit:
    def hear(event: Event, /) -> None:
        assert isinstance(event, Notice)
        if told is not None:
            told.append(event.message)

    return fit_memory(BATCHES, 4096, HELD, machine, machine.run, hear)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_where_all_fits_nothing_changes(kind: str) -> None:
    machine = Machine(4 * GIB, kind=kind)
    told: list[str] = []
    found = fit(machine, told)
    assert found == MemoryFit(4096, GIB + (300 << 20) + HELD.moments)
    assert told == []
    assert max(machine.passes) == 300


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
@pytest.mark.parametrize("room", [120, 200, 290])
def test_the_budget_is_lowered_to_what_fits(kind: str, room: int) -> None:
    machine = Machine(GIB + (room << 20), kind=kind)
    told: list[str] = []
    found = fit(machine, told)
    assert 50 <= found.token_budget <= room
    lengths = [[row.length for row in batch] for batch in BATCHES]
    parts = [(part, of) for of in lengths for part in split_by_budget(range(len(of)), of, found.token_budget)]
    assert max(len(part) * max(of[index] for index in part) for part, of in parts) <= room
    assert found.peak_bytes <= machine.whole + HELD.moments
    assert "steps are divided into more passes" in told[0]


def test_the_pass_with_most_to_learn_is_tried_too() -> None:
    tried: list[list[str]] = []
    much = EncodedRow("much", tuple(range(90)), (), ((1, 90),), 0)
    machine = Machine(4 * GIB)
    fit_memory(
        [[row(100)], [much]],
        4096,
        HELD,
        machine,  # type: ignore[arg-type]
        lambda rows: tried.append([row.item_id for row in rows]),
        silent,
    )
    assert tried == [["much"], ["r100"], ["much"]], "the shortest, the longest, and that with most to learn"


def test_a_large_gradient_is_not_taken_for_what_tokens_need() -> None:
    """Full fine-tuning: the gradient of all weights comes with the first pass, whose row is short."""
    held = Held(gradient=GIB, moments=2 * GIB)
    machine = Machine(4 * GIB + (600 << 20))

    def with_gradient(rows: Sequence[EncodedRow]) -> None:
        machine.run(rows)
        machine.passes.append(1024 + machine.passes.pop())

    found = fit_memory(BATCHES, 4096, held, machine, with_gradient, silent)  # type: ignore[arg-type]
    assert 200 <= found.token_budget <= 233


def test_what_ran_before_hides_nothing() -> None:
    machine = Machine(GIB + (210 << 20), passes=[100])
    assert fit(machine).token_budget <= 210


def test_a_row_that_may_not_fit_is_told() -> None:
    told: list[str] = []
    with pytest.raises(pytest.fail.Exception):
        fit(Machine(GIB + (95 << 20)), told)
    assert told[-1] == "the longest row has 100 tokens and may not fit: lower --max-length, or use lora"
    with pytest.raises(torch.OutOfMemoryError):
        fit(Machine(GIB + (60 << 20), kind="cuda"))


def test_other_errors_are_not_memory() -> None:
    assert not out_of_memory(RuntimeError("shape mismatch"))
    assert out_of_memory(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried …"))


def without_memory_at(call: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pass of that number, counted over all, finds no memory."""
    real, calls = Objective.__call__, []

    def loss(*given: Any) -> torch.Tensor:
        calls.append(given)
        if len(calls) == call:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(*given)

    monkeypatch.setattr(Objective, "__call__", loss)


def test_a_step_without_memory_is_made_again_in_more_passes(
    tiny: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = []
    for trouble in (False, True):
        loaded, rows = ready(tiny("llama"), Full())
        told: list[str] = []

        def hear(event: Event, /, told: list[str] = told) -> None:
            if isinstance(event, Notice):
                told.append(event.message)

        if trouble:
            # The first pass of the step has left its gradient by then.
            without_memory_at(2, monkeypatch)
        loop_over(loaded, rows, settings(epochs=1.0, token_budget=60), tmp_path / str(trouble), "x", hear)()
        assert told == (["out of memory: 27 tokens per pass from here on"] if trouble else [])
        weights.append([parameter.detach().clone() for parameter in loaded.model.parameters()])
    for plain, again in zip(*weights, strict=True):
        assert torch.allclose(plain, again, atol=1e-4)


def test_a_run_that_goes_on_keeps_its_passes(
    tiny: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(event: Event, /) -> None:
        if isinstance(event, CheckpointSaved) and event.step == 2:
            raise KeyboardInterrupt

    config = settings(epochs=1.0, token_budget=60, checkpoint_minutes=0.0)
    with monkeypatch.context() as patch:
        without_memory_at(2, patch)
        with pytest.raises(KeyboardInterrupt):
            loop_over(*ready(tiny("llama"), Full()), config, tmp_path, "x", stop)()
    loop = loop_over(*ready(tiny("llama"), Full()), config, tmp_path, "x", silent)
    state = loop()
    assert state.step == loop.steps > 2
    assert state.token_budget == 27, "half of what the pass held"


def test_a_run_is_forecast_from_its_first_steps(tiny: Callable[..., Path], tmp_path: Path) -> None:
    loaded, rows = ready(tiny("llama"), Full(), 64)
    told: list[ForecastMade] = []

    def hear(event: Event, /) -> None:
        if isinstance(event, ForecastMade):
            told.append(event)

    loop = loop_over(loaded, rows, settings(epochs=3.0), tmp_path, "x", hear)
    state = loop()
    assert [event.forecast for event in told] == [loop.forecast]
    assert loop.forecast is not None
    assert 0 < loop.forecast.seconds < 20 * state.seconds
    assert loop.forecast.peak_bytes > PER_WEIGHT * loaded.trainable
    short = loop_over(*ready(tiny("llama"), Full(), 16), settings(epochs=1.0), tmp_path / "short", "x", silent)
    short()
    assert short.forecast is None


def test_memory_of_a_container(tmp_path: Path) -> None:
    assert _of_group(tmp_path) is None
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("700\n")
    (tmp_path / "memory.stat").write_text("anon 500\ninactive_file 150\n")
    assert _of_group(tmp_path) == 450
    (tmp_path / "memory.max").write_text("max\n")
    assert _of_group(tmp_path) is None
    older = tmp_path / "memory"
    older.mkdir()
    (older / "memory.limit_in_bytes").write_text("1000")
    (older / "memory.usage_in_bytes").write_text("300")
    (older / "memory.stat").write_text("total_inactive_file 100")
    assert _of_group(tmp_path) == 800


def test_this_machine_tells_its_memory() -> None:
    meter = Meter(torch.device("cpu"))
    free = meter.free()
    assert free is None or free > 1 << 20
    if sys.platform == "linux":
        before = meter.used()
        held = torch.ones(256 << 18)
        assert meter.used() - before > 200 << 20
        del held
        assert meter.peak() - before > 200 << 20
        meter.release()
        assert meter.used() - before < 100 << 20
        assert meter.peak() - before < 100 << 20
        kept = [torch.ones(64 << 8) for _ in range(4096)]
        high, last = meter.used(), kept[-1]
        assert high - before > 200 << 20
        del kept
        meter.keep_within(high + (1 << 20))
        assert meter.used() > before + (150 << 20), "nothing is given back while it fits"
        meter.keep_within(before)
        assert meter.used() - before < 100 << 20
        assert last[0] == 1


def test_measuring_alone_forecasts_and_leaves_no_run(tiny: Callable[..., Path], tmp_path: Path) -> None:
    loaded, rows = ready(tiny("llama"), Full(), 16)
    loop = loop_over(loaded, rows, settings(epochs=40.0), tmp_path, "x", silent, validate=lambda: (1.0, {"loss": 1.0}))
    forecast = loop.measure()
    assert forecast == loop.forecast
    assert forecast.peak_bytes > PER_WEIGHT * loaded.trainable
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not tell the peak")
def test_every_step_keeps_within_the_largest_pass_and_gaps_are_forecast(
    tiny: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    monkeypatch.setattr(Meter, "keep_within", lambda meter, size: sizes.append(size))
    loop = loop_over(*ready(tiny("llama"), Full(), 64), settings(epochs=3.0), tmp_path, "x", silent)
    state = loop()
    assert loop.forecast is not None
    assert sizes == [sizes[0]] * state.step
    assert loop.forecast.peak_bytes == round(1.1 * sizes[0])
    assert MemoryFit(1, sizes[0]).forecast("cuda") == sizes[0]


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not tell the peak")
def test_what_a_validation_holds_is_forecast(tiny: Callable[..., Path], tmp_path: Path) -> None:
    def hungry() -> tuple[float, dict[str, float]]:
        return 1.0, {"loss": float(torch.ones(512 << 18).mean())}

    peaks = [
        loop_over(*ready(tiny("llama"), Full(), 16), settings(epochs=40.0), tmp_path, "x", silent, validate=validate)
        .measure()
        .peak_bytes
        for validate in (lambda: (1.0, {"loss": 1.0}), hungry)
    ]
    assert 450 << 20 < peaks[1] - peaks[0] < 600 << 20
