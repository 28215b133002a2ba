"""L2-SP: ½‖W − W₀‖², all weights held to where they started. Li et al. 2018, arXiv:1802.01483."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from keeptune.config.schema import TuneConfig
from keeptune.errors import ConfigError
from keeptune.mitigation.methods.adapters import adapter_method
from keeptune.mitigation.mitigation import Mitigation
from keeptune.mitigation.objective import Penalty
from keeptune.mitigation.registry import MITIGATIONS
from keeptune.models.adapters import METHODS
from keeptune.models.load import LoadedModel
from keeptune.models.low_rank import low_rank_layers


def distance_to_base(loaded: LoadedModel) -> Penalty:
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


def unfit_of_penalty(flag: str) -> Callable[[Any, TuneConfig], ConfigError | None]:
    """Why a penalty on the change of weights cannot be taken, where an adapter's change is of another form."""

    def unfit(_weight: Any, config: TuneConfig) -> ConfigError | None:
        method = adapter_method(config)
        if method is None or method.adds_product:
            return None
        known = ", ".join(each.name for each in METHODS.values() if each.adds_product)
        return ConfigError(
            f"{flag} is a penalty on W₀ + scale · B·A, and --method {method.name} changes weights in another way",
            f"use --method {known} or full, or leave {flag} out",
        )

    return unfit


@MITIGATIONS.register("l2sp")
def l2sp() -> Mitigation:
    """The value is the penalty's weight."""
    return Mitigation(
        cost="memory of the base",
        default=0.01,
        setting="mitigation.l2sp",
        source="arXiv:1802.01483",
        unfit=unfit_of_penalty("--l2sp"),
        penalty=lambda inputs: distance_to_base(inputs.loaded),
    )
