"""An adapter's weight changes as products of two thin matrices: ΔW = scale · B·A."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from keeptune.errors import ConfigError


@dataclass(frozen=True, slots=True)
class LowRankLayer:
    """One layer with a LoRA adapter."""

    base: Any
    """The layer beneath."""
    down: torch.Tensor
    """A, [rank, in]."""
    up: torch.Tensor
    """B, [out, rank]."""
    scale: float
    transposed: bool
    """`base.weight` is [in, out], as in GPT-2's Conv1D."""

    def change(self) -> torch.Tensor:
        """ΔW in the layout of `base.weight`."""
        change = self.scale * (self.up @ self.down)
        return change.T if self.transposed else change

    def squared_norm(self) -> torch.Tensor:
        """‖ΔW‖² = scale² · tr(BᵀB · AAᵀ): ΔW itself is never made."""
        return self.scale**2 * ((self.up.T @ self.up) * (self.down @ self.down.T)).sum()


def low_rank_layers(model: Any) -> list[LowRankLayer]:
    """Every adapted layer of a `peft` model with a plain LoRA.

    Raises:
        ConfigError: the adapter changes the weights in another way.
    """
    from peft import LoraConfig
    from peft.tuners.lora import LoraLayer

    config = model.active_peft_config
    plain = isinstance(config, LoraConfig) and not config.use_dora and config.init_lora_weights is True
    if not plain:
        raise ConfigError(
            "this adapter's change of the weights is not W₀ + scale · B·A, so it has no penalty on it",
            "use --method lora, rslora or full",
        )
    name = model.active_adapter
    adapted: list[Any] = [module for module in model.modules() if isinstance(module, LoraLayer)]
    return [
        LowRankLayer(
            layer.get_base_layer(),
            layer.lora_A[name].weight,
            layer.lora_B[name].weight,
            layer.scaling[name],
            layer.fan_in_fan_out,
        )
        for layer in adapted
    ]
