"""L2-SP: ½‖W − W₀‖², all weights held to where they started. Li et al. 2018, arXiv:1802.01483."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from keeptune.mitigation.objective import Penalty
from keeptune.models.load import LoadedModel
from keeptune.models.low_rank import low_rank_layers


def l2sp(loaded: LoadedModel) -> Penalty:
    """The penalty on what `loaded` trains: call it before the first step.

    With full fine-tuning it keeps a copy of the trained weights. With LoRA it is on ΔW = scale · B·A, and takes no
    memory: a decay of A and B apart would hold the adapter's own coordinates, not the model.

    Raises:
        ConfigError: an adapter whose change is of another form.
    """
    if hasattr(loaded.model, "peft_config"):
        layers = low_rank_layers(loaded.model)
        return lambda _model: 0.5 * torch.stack([layer.squared_norm() for layer in layers]).sum()
    start = {name: p.detach().clone() for name, p in loaded.model.named_parameters() if p.requires_grad}

    def of_weights(model: Any) -> torch.Tensor:
        own = dict(model.named_parameters())
        parts = [functional.mse_loss(own[name], held, reduction="sum") for name, held in start.items()]
        return 0.5 * torch.stack(parts).sum()

    return of_weights
