"""An exponential moving average of the weights: what is validated and saved is an average over the last steps.

A ← d · A + (1 − d) · W after each step, from A = W₀ on: with d = 0.98, roughly the last 50 steps. Morales-Brotons et
al. 2024, arXiv:2411.18704. A training that is stopped early has its average, too; one over a fixed share of the last
steps would not, or would keep a copy for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.optim.swa_utils import get_ema_multi_avg_fn

from keeptune.config.setting import FRACTION
from keeptune.mitigation.mitigation import Mitigation
from keeptune.mitigation.registry import MITIGATIONS
from keeptune.models.load import LoadedModel
from keeptune.models.weights import trainable_weights


class MovingAverage:
    """A of every weight that `loaded` trains: one more copy of each, in its dtype."""

    def __init__(self, decay: float, loaded: LoadedModel) -> None:
        self._average: dict[str, torch.Tensor] = {
            name: p.clone() for name, p in trainable_weights(loaded.model).items()
        }
        self._blend = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]

    def add(self, model: Any) -> None:
        self._blend(list(self._average.values()), list(trainable_weights(model).values()), 1)

    @torch.no_grad()
    def swap(self, model: Any) -> None:
        for name, own in trainable_weights(model).items():
            held = own.clone()
            own.copy_(self._average[name])
            self._average[name].copy_(held)

    def state(self) -> Mapping[str, torch.Tensor]:
        return self._average

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        for name, held in self._average.items():
            held.copy_(state[name])


@MITIGATIONS.register("average")
def average() -> Mitigation:
    """The value is d, the share of the average that stays at each step."""
    return Mitigation(
        cost="memory of the trained weights once more",
        default=0.98,
        allowed=FRACTION,
        source="arXiv:2411.18704",
        average=MovingAverage,
    )
