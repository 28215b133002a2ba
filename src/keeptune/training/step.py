"""One step of the optimizer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from keeptune.config.schema import TrainingConfig
from keeptune.models.load import LoadedModel
from keeptune.models.memory import Meter
from keeptune.records import EncodedRow
from keeptune.training.gradients import Gradients, non_finite


@dataclass(frozen=True, slots=True)
class Step:
    """AdamW on the clipped gradient of some rows."""

    gradients: Gradients
    optimizer: torch.optim.Optimizer
    max_grad_norm: float

    def __call__(self, number: int, rows: Sequence[EncodedRow], lr: float) -> tuple[float, float]:
        """Train on `rows`: (loss, norm of the gradient before clipping).

        Raises:
            NonFiniteLoss: the loss or the norm is NaN or infinite.
        """
        loaded, scaler = self.gradients.loaded, self.gradients.scaler
        loaded.model.train()
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        loss = self.gradients.of_step(number, rows)
        scaler.unscale_(self.optimizer)
        norm = float(torch.nn.utils.clip_grad_norm_(loaded.model.parameters(), self.max_grad_norm))
        # In float16, the scaler skips a step that overflows and lowers the scale.
        if not math.isfinite(norm) and not scaler.is_enabled():
            raise non_finite("norm of the gradient", number, norm, rows)
        scaler.step(self.optimizer)
        scaler.update()
        self.optimizer.zero_grad()
        if self.gradients.memory.peak_bytes:
            # Rows of many lengths fragment the memory.
            Meter(loaded.placement.device).keep_within(self.gradients.memory.peak_bytes)
        return loss, norm


def adamw(loaded: LoadedModel, config: TrainingConfig, lr: float) -> torch.optim.AdamW:
    """The optimizer of the trainable weights, fused if the device supports it."""
    trained = [parameter for parameter in loaded.model.parameters() if parameter.requires_grad]
    fused = loaded.placement.device.type in ("cpu", "cuda")
    return torch.optim.AdamW(trained, lr=lr, weight_decay=config.weight_decay, fused=fused)


def scaler_for(loaded: LoadedModel) -> torch.amp.GradScaler:
    """Scaler of float16 gradients; it does nothing for other dtypes."""
    placement = loaded.placement
    return torch.amp.GradScaler(placement.device.type, enabled=placement.dtype is torch.float16)
