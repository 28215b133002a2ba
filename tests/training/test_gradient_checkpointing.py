"""Gradient checkpointing: less is kept for the backward pass, the same is learned, and memory turns it on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from keeptune.api.tune import tune
from keeptune.config import Adapter, Full, MeasureConfig, MitigationConfig, TuneConfig
from keeptune.errors import ConfigError
from keeptune.events import Event, Notice
from keeptune.models.checkpointing import checkpoint_blocks, checkpoints_blocks
from keeptune.models.memory import Meter
from keeptune.training.fit_memory import Held, MemoryFit
from keeptune.workspace.workspace import Workspace
from tests.api.runs import settings, write_rows
from tests.training.loops import gradients_of
from tests.training.test_loop import LORA, ready


@pytest.fixture
def config(tiny: Callable[..., Path], tmp_path: Path) -> TuneConfig:
    write_rows(tmp_path)
    made = settings(tiny("llama"), tmp_path, "run")
    return replace(made, measure=MeasureConfig(extent="none"), mitigation=MitigationConfig(plain=True))


def checkpointing(config: TuneConfig, **changes: Any) -> TuneConfig:
    return replace(config, training=replace(config.training, gradient_checkpointing=True, **changes))


def losses(run: str) -> list[float]:
    return [loss for _, loss in Workspace(Path(run)).training().loss_curve]


@pytest.mark.parametrize("kind", ["llama", "t5"])
@pytest.mark.parametrize("method", [Full(), LORA], ids=["full", "lora"])
def test_less_is_kept_and_the_gradient_is_the_same(tiny: Callable[..., Path], kind: str, method: Any) -> None:
    found = []
    for on in (False, True):
        loaded, rows = ready(tiny(kind), method)
        assert not on or checkpoint_blocks(loaded)
        kept = 0

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            nonlocal kept
            kept += tensor.numel()
            return tensor

        gradients = gradients_of(loaded)
        loaded.model.train()
        torch.manual_seed(0)
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            loss = gradients.loss(rows)
        loss.backward()
        names = [name for name, weight in loaded.model.named_parameters() if weight.requires_grad]
        found.append((kept, {name: loaded.model.get_parameter(name).grad for name in names}))
    (all_kept, plain), (few_kept, again) = found
    assert few_kept < 0.7 * all_kept
    for name, gradient in plain.items():
        torch.testing.assert_close(again[name], gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("method", [Full(), Adapter(rank=4, dropout=0.1)], ids=["full", "lora"])
def test_a_run_learns_the_same(config: TuneConfig, method: Any) -> None:
    config = replace(config, method=method)
    with_it = checkpointing(replace(config, output=f"{config.output}-checkpointing"))
    tune(config)
    tune(with_it)
    assert losses(with_it.output) == losses(config.output)


def fitted(loaded: Any, rows: Any, free: int, monkeypatch: pytest.MonkeyPatch) -> tuple[MemoryFit, list[str], Any]:
    """By a meter that finds this many bytes free, 4,096 for each token of a pass, and a sixteenth with checkpoints."""
    gradients, told, used = gradients_of(loaded), [], [0]

    def hear(event: Event, /) -> None:
        assert isinstance(event, Notice)
        told.append(event.message)

    def passed(part: Any) -> None:
        by_token = 256 if checkpoints_blocks(loaded) else 4096
        used[0] = max(used[0], by_token * len(part) * max(row.length for row in part))

    monkeypatch.setattr(type(gradients), "_trial_pass", lambda _, part: passed(part))
    monkeypatch.setattr(Meter, "release", lambda _: used.__setitem__(0, 0))
    monkeypatch.setattr(Meter, "used", lambda _: used[0])
    monkeypatch.setattr(Meter, "peak", lambda _: used[0])
    monkeypatch.setattr(Meter, "free", lambda _: free - used[0])
    gradients.observer, gradients.may_checkpoint = hear, True
    gradients.fit_memory([rows], Held(0, 0))
    return gradients.memory, told, gradients


def test_memory_turns_it_on(tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    loaded, rows = ready(tiny("llama"), LORA)
    longest = max(row.length for row in rows)
    memory, told, _ = fitted(loaded, rows, 4096 * longest * 2, monkeypatch)
    assert not checkpoints_blocks(loaded), "two rows fit: passes are divided"
    assert memory.token_budget >= longest
    assert ["--gradient-checkpointing" in message for message in told] == [False]
    memory, told, _ = fitted(loaded, rows, 4096 * longest // 2, monkeypatch)
    assert checkpoints_blocks(loaded)
    assert memory.token_budget >= longest
    assert "--gradient-checkpointing" in told[0]
    assert not any("may not fit" in message for message in told)
    memory, told, _ = fitted(loaded, rows, 256 * longest // 2, monkeypatch)
    assert any("may not fit" in message for message in told), "what does not help is not said to"


@pytest.mark.parametrize("helps", [True, False])
def test_a_trial_without_memory_is_tried_with_it(
    tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, helps: bool
) -> None:
    loaded, rows = ready(tiny("llama"), LORA)
    gradients = gradients_of(loaded)

    def short(*_: Any) -> MemoryFit:
        if not (helps and checkpoints_blocks(loaded)):
            raise torch.OutOfMemoryError("CUDA out of memory")
        return MemoryFit(77, 1)

    monkeypatch.setattr("keeptune.training.gradients.fit_memory", short)
    gradients.may_checkpoint = True
    for _ in range(2):
        with nullcontext() if helps else pytest.raises(torch.OutOfMemoryError):
            gradients.fit_memory([rows], Held(0, 0))
    assert checkpoints_blocks(loaded)
    assert (gradients.memory == MemoryFit(77, 1)) == helps


@pytest.mark.parametrize("may", [True, False])
def test_a_step_without_memory_is_tried_with_it(
    tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, may: bool
) -> None:
    loaded, rows = ready(tiny("llama"), LORA)
    gradients = gradients_of(loaded)
    of_rows = type(gradients).of_rows

    def short(self: Any, *given: Any) -> float:
        if not checkpoints_blocks(loaded):
            raise torch.OutOfMemoryError("CUDA out of memory")
        return of_rows(self, *given)

    monkeypatch.setattr(type(gradients), "of_rows", short)
    gradients.may_checkpoint = may
    with nullcontext() if may else pytest.raises(torch.OutOfMemoryError):
        gradients.of_step(1, rows[:1])
    assert any(weight.grad is not None for weight in loaded.model.parameters()) == may


def test_virtual_tokens_are_refused(config: TuneConfig) -> None:
    with pytest.raises(ConfigError, match="cannot be checkpointed"):
        tune(checkpointing(replace(config, method=Adapter("prefix"))))


def test_it_is_not_compiled(config: TuneConfig) -> None:
    with pytest.raises(ConfigError, match="gradient_checkpointing does not compile the blocks"):
        tune(checkpointing(config, torch_compile=True))
