"""The moving average by hand: what is validated and saved is it, and the training goes on from its own weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from keeptune.config import Full
from keeptune.events import Event, StepDone, silent
from keeptune.mitigation.methods.average import MovingAverage
from tests.training.loops import loop_over
from tests.training.test_loop import LORA, ready, settings, weights

DECAY = 0.6


@pytest.mark.parametrize("method", [Full(), LORA], ids=["full", "lora"])
@pytest.mark.parametrize("validated", [False, True])
def test_the_average_of_the_steps_is_kept(
    tiny: Callable[..., Path], tmp_path: Path, method: Any, validated: bool
) -> None:
    plain, rows = ready(tiny("llama"), method)
    average, seen = weights(plain), []

    def hear(event: Event, /) -> None:
        if isinstance(event, StepDone):
            now = weights(plain)
            for name in average:
                average[name] = DECAY * average[name] + (1 - DECAY) * now[name]
            seen.append(now)

    loop_over(plain, rows, settings(), tmp_path / "plain", "f", hear)()
    loaded, _ = ready(tiny("llama"), method)
    trained_on: list[dict[str, torch.Tensor]] = []
    asked: list[dict[str, torch.Tensor]] = []

    def validate() -> tuple[float, dict[str, float]]:
        asked.append(weights(loaded))
        return float(-len(asked)), {"loss": 1.0}

    def follow(event: Event, /) -> None:
        if isinstance(event, StepDone):
            trained_on.append(weights(loaded))

    loop_over(
        loaded,
        rows,
        settings(),
        tmp_path / "averaged",
        "f",
        follow,
        validate=validate if validated else None,
        average=MovingAverage(DECAY, loaded),
    )()
    for one, other in zip(seen, trained_on, strict=True):
        assert all(torch.equal(one[name], other[name]) for name in one), "the steps are those of the plain training"
    found = weights(loaded)
    assert all(torch.allclose(found[name], average[name], atol=1e-6) for name in average)
    assert not validated or all(torch.equal(asked[-1][name], found[name]) for name in found)


def test_swapping_twice_changes_nothing(tiny: Callable[..., Path]) -> None:
    loaded, _ = ready(tiny("llama"), Full())
    average = MovingAverage(DECAY, loaded)
    before = weights(loaded)
    with torch.no_grad():
        for parameter in loaded.model.parameters():
            parameter.add_(1.0)
    moved = weights(loaded)
    average.swap(loaded.model)
    assert all(torch.equal(tensor, before[name]) for name, tensor in weights(loaded).items())
    average.swap(loaded.model)
    assert all(torch.equal(tensor, moved[name]) for name, tensor in weights(loaded).items())


def test_no_decay_is_the_plain_training(tiny: Callable[..., Path], tmp_path: Path) -> None:
    found = []
    for decay in (None, 0.0):
        loaded, rows = ready(tiny("llama"), Full())
        average = None if decay is None else MovingAverage(decay, loaded)
        loop_over(loaded, rows, settings(epochs=1), tmp_path / str(decay), "f", silent, average=average)()
        found.append(weights(loaded))
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])
