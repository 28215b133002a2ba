"""One step of the optimizer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from keeptune.config.schema import TrainingConfig
from keeptune.models.load import LoadedModel
from keeptune.models.memory import Meter
from keeptune.models.weights import trainable_parameters
from keeptune.records import EncodedRow
from keeptune.training.gradients import Gradients, non_finite
from keeptune.training.optimizer import adamw_of


class Update(Protocol):
    """What makes new weights of a gradient."""

    def clip(self) -> float:
        """Clip the gradient to the maximum norm; return its norm before."""
        ...

    def apply(self, lr: float) -> None:
        """Change the weights, and forget the gradient."""
        ...

    def gather(self) -> None:
        """Leave the trained weights in the model, where they are divided over processes meanwhile."""
        ...

    def state(self) -> Mapping[str, torch.Tensor]:
        """What the optimizer keeps: ``<number of the weight>.<name>`` → values."""
        ...

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Continue from a value of `state`."""
        ...


@dataclass(frozen=True, slots=True)
class OptimizerUpdate:
    """The update by an optimizer of torch."""

    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    max_grad_norm: float

    @property
    def weights(self) -> list[torch.Tensor]:
        return [weight for group in self.optimizer.param_groups for weight in group["params"]]

    def clip(self) -> float:
        self.scaler.unscale_(self.optimizer)
        return float(torch.nn.utils.clip_grad_norm_(self.weights, self.max_grad_norm))

    def apply(self, lr: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad()

    def gather(self) -> None:
        pass

    def state(self) -> dict[str, torch.Tensor]:
        return {
            f"{index}.{name}": torch.as_tensor(value)
            for index, weight in enumerate(self.weights)
            for name, value in self.optimizer.state[weight].items()
        }

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        weights = self.weights
        for key, tensor in state.items():
            index, _, name = key.partition(".")
            weight = weights[int(index)]
            # AdamW's fused step keeps its counter on the device of the weights; bitsandbytes counts in a plain number.
            counter = tensor.dtype is torch.int64
            self.optimizer.state[weight][name] = tensor.item() if counter else tensor.to(weight.device)


@dataclass(frozen=True, slots=True)
class Step:
    """An update by the gradient of some rows."""

    gradients: Gradients
    update: Update

    def __call__(self, number: int, rows: Sequence[EncodedRow], lr: float) -> tuple[float, float]:
        """Train on `rows`: (loss, norm of the gradient before clipping).

        Raises:
            NonFiniteLoss: the loss or the norm is NaN or infinite.
        """
        loaded = self.gradients.loaded
        loaded.model.train()
        loss = self.gradients.of_step(number, rows)
        norm = self.update.clip()
        # In float16, the scaler skips a step that overflows and lowers the scale.
        if not math.isfinite(norm) and not self.gradients.scaler.is_enabled():
            raise non_finite("norm of the gradient", number, norm, rows)
        self.update.apply(lr)
        if self.gradients.memory.peak_bytes:
            # Rows of many lengths fragment the memory.
            Meter(loaded.placement.device).keep_within(self.gradients.memory.peak_bytes)
        return loss, norm


def adamw(gradients: Gradients, config: TrainingConfig) -> OptimizerUpdate:
    """AdamW on the trainable weights."""
    weights = trainable_parameters(gradients.loaded.model)
    return OptimizerUpdate(adamw_of(weights, config), gradients.scaler, config.max_grad_norm)


def scaler_for(loaded: LoadedModel) -> torch.amp.GradScaler:
    """Scaler of float16 gradients; it does nothing for other dtypes."""
    placement = loaded.placement
    return torch.amp.GradScaler(placement.device.type, enabled=placement.dtype is torch.float16)
