"""L2-SP is half the squared norm of what `peft` would merge; zero at the start."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from keeptune.config import Adapter, Full, TrainingConfig
from keeptune.errors import ConfigError
from keeptune.events import silent
from keeptune.mitigation.methods.l2sp import distance_to_base
from keeptune.mitigation.objective import Objective
from keeptune.models.low_rank import low_rank_layers
from tests.mitigation.methods.changed import merged_change, move, ready, trained
from tests.training.loops import loop_over

METHODS = [Full(), Adapter(rank=4, dropout=0.1), Adapter(kind="rslora", rank=3, dropout=0.0)]


@pytest.mark.parametrize("kind", ["llama", "gpt2", "t5"])
@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.kind)
def test_half_the_squared_norm_of_the_change(tiny: Callable[..., Path], kind: str, method: Any) -> None:
    loaded, _ = ready(tiny(kind), method)
    penalty = distance_to_base(loaded)
    start = penalty(loaded.model)
    start.backward()
    assert start.item() == 0.0
    assert all(p.grad is None or not p.grad.any() for p in trained(loaded.model))
    move(loaded.model)
    names = {name for name, _ in loaded.inner.named_parameters()}
    if method.kind != "full":
        assert all(layer.change().shape == layer.base.weight.shape for layer in low_rank_layers(loaded.model))
    found = penalty(loaded.model)
    change = merged_change(tiny(kind), loaded)
    tied = names if method.kind == "full" else change.keys() - {"lm_head.weight"}
    expected = 0.5 * sum(float(change[name].double().square().sum()) for name in tied)
    assert found.item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.kind)
def test_the_gradient(tiny: Callable[..., Path], method: Any) -> None:
    loaded, _ = ready(tiny("llama"), method)
    penalty = distance_to_base(loaded)
    start = [parameter.detach().clone() for parameter in trained(loaded.model)]
    move(loaded.model)
    penalty(loaded.model).backward()
    if method.kind == "full":
        for parameter, before in zip(trained(loaded.model), start, strict=True):
            assert torch.allclose(parameter.grad, parameter.detach() - before)  # type: ignore[arg-type]
        return
    for layer in low_rank_layers(loaded.model):
        change = layer.change().detach()
        assert torch.allclose(layer.up.grad, layer.scale * change @ layer.down.detach().T, atol=1e-5)  # type: ignore[arg-type]
        assert torch.allclose(layer.down.grad, layer.scale * layer.up.detach().T @ change, atol=1e-5)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", METHODS[:2], ids=["full", "lora"])
def test_a_heavy_penalty_holds_the_weights(tiny: Callable[..., Path], tmp_path: Path, method: Any) -> None:
    far = {}
    for weight in (0.0, 1e4):
        loaded, rows = ready(tiny("llama"), method)
        penalty = distance_to_base(loaded)
        config = TrainingConfig(lr=0.01, epochs=20, batch_size=4)
        objective = Objective(penalties=((weight, penalty),))
        loop_over(loaded, rows, config, tmp_path / str(weight), "f", silent, objective=objective)()
        far[weight] = penalty(loaded.model).item()
    assert far[1e4] < far[0.0] / 10


@pytest.mark.parametrize("kind", ["dora", "ia3", "prompt"])
def test_another_kind_of_change_is_refused(tiny: Callable[..., Path], kind: str) -> None:
    loaded, _ = ready(tiny("llama"), Adapter(kind=kind, rank=4))
    with pytest.raises(ConfigError, match=r"not W₀ \+ scale · B·A") as caught:
        distance_to_base(loaded)
    assert "--method lora" in caught.value.fix
