"""AdamW with its moments in 8 bits: it learns as with 32, in a quarter of the memory, and goes on where it stopped."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import mean

import pytest
import torch

from keeptune.api.tune import tune
from keeptune.config import Full, MeasureConfig, MitigationConfig, TrainingConfig, TuneConfig
from keeptune.errors import ConfigError, MissingDependency
from keeptune.events import CheckpointSaved, Event
from keeptune.training.optimizer import adamw_of, moments
from keeptune.training.step import OptimizerUpdate
from keeptune.workspace.workspace import Workspace
from tests.api.runs import settings, write_rows

BY_BITSANDBYTES = pytest.mark.skipif(
    importlib.util.find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed"
)
IN_8_BITS = TrainingConfig(optimizer="adamw_8bit", weight_decay=0.1)


@pytest.fixture
def config(tiny: Callable[..., Path], tmp_path: Path) -> TuneConfig:
    write_rows(tmp_path)
    made = settings(tiny("llama"), tmp_path, "run")
    return replace(
        made,
        method=Full(),
        training=replace(made.training, optimizer="adamw_8bit", lr=3e-3, checkpoint_minutes=0.0),
        measure=MeasureConfig(extent="none"),
        mitigation=MitigationConfig(plain=True),
    )


def losses(run: str) -> list[float]:
    return [loss for _, loss in Workspace(Path(run)).training().loss_curve]


@BY_BITSANDBYTES
def test_it_learns_as_with_32_bits(config: TuneConfig) -> None:
    whole = replace(config, output=f"{config.output}-whole", training=replace(config.training, optimizer="adamw"))
    tune(whole)
    tune(config)
    assert losses(config.output) != losses(whole.output)
    assert losses(config.output)[0] == losses(whole.output)[0]
    assert mean(losses(config.output)[-3:]) == pytest.approx(mean(losses(whole.output)[-3:]), abs=0.05)


@BY_BITSANDBYTES
def test_a_stopped_run_goes_on_to_the_same_losses(config: TuneConfig) -> None:
    whole = replace(config, output=f"{config.output}-whole")
    tune(whole)

    def stop(event: Event, /) -> None:
        if isinstance(event, CheckpointSaved) and event.step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(config, stop)
    tune(replace(config, resume=True))
    assert losses(config.output) == losses(whole.output)


@BY_BITSANDBYTES
def test_its_moments_take_a_quarter_of_the_memory() -> None:
    weight = torch.nn.Parameter(torch.randn(512, 512))
    update = OptimizerUpdate(adamw_of([weight], IN_8_BITS), torch.amp.GradScaler("cpu", enabled=False), 1.0)
    weight.grad = torch.randn(512, 512)
    update.apply(1e-3)
    held = {name: tensor for name, tensor in update.state().items() if "qmap" not in name and tensor.ndim}
    size = sum(tensor.numel() * tensor.element_size() for tensor in held.values())
    assert size == moments(weight.numel(), IN_8_BITS)
    assert size < moments(weight.numel(), TrainingConfig()) / 3.9


@BY_BITSANDBYTES
def test_weights_decay_with_it() -> None:
    weight = torch.nn.Parameter(torch.ones(64, 64))
    update = OptimizerUpdate(adamw_of([weight], IN_8_BITS), torch.amp.GradScaler("cpu", enabled=False), 1.0)
    weight.grad = torch.zeros(64, 64)
    update.apply(0.5)
    assert weight.detach().unique().tolist() == pytest.approx([1.0 - 0.5 * 0.1])


def test_it_is_not_divided_over_processes(config: TuneConfig) -> None:
    with pytest.raises(ConfigError, match="adamw_8bit, whose blocks --fsdp does not divide"):
        tune(replace(config, training=replace(config.training, fsdp=True)))


def test_it_needs_its_package(config: TuneConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    monkeypatch.setattr("keeptune.training.optimizer.find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match="--optimizer adamw_8bit needs the package bitsandbytes"):
        tune(config)
    assert not Path(config.output).exists() or Workspace(Path(config.output)).is_empty
