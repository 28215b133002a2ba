"""Intruder dimensions: after a LoRA training, the singular vectors of W that no singular vector of W₀ resembles keep a
share λ of their singular value. Shuttleworth et al. 2024, arXiv:2410.21228.

`peft` looks for them among the 10 largest singular vectors of each adapted matrix, by a largest |cosine| below 0.5. It
writes what is left of the change as an adapter of the same rank, and so cuts off what exceeds the rank. By the paper,
full fine-tuning has no intruder dimensions.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from keeptune.config.schema import TuneConfig
from keeptune.config.setting import Range
from keeptune.errors import ConfigError, ModelError
from keeptune.exports.save import save_tuned
from keeptune.mitigation.methods.adapters import adapter_method
from keeptune.mitigation.mitigation import Mitigation
from keeptune.mitigation.registry import MITIGATIONS
from keeptune.models.load import load_model
from keeptune.workspace.workspace import Workspace

REDUCED = "intruder_reduced"
"""The adapter that `peft` adds."""


def scale_intruders(model: Any, share: float) -> None:
    """Let the intruder dimensions of a `peft` LoRA keep `share` of their singular value, in place.

    Raises:
        ModelError: matrices that are stored transposed, as GPT-2's are.
    """
    from peft.tuners.lora import LoraLayer
    from peft.tuners.lora.intruders import reduce_intruder_dimension

    layers: list[Any] = [module for module in model.modules() if isinstance(module, LoraLayer)]
    if any(layer.fan_in_fan_out for layer in layers):
        raise ModelError(
            "peft finds no intruder dimensions in transposed matrices, as GPT-2's are", "leave intruders out"
        )
    name = model.active_adapter
    reduce_intruder_dimension(  # type: ignore[no-untyped-call]
        model, name, REDUCED, mitigation_lambda=share, logging_sink=None
    )
    with torch.no_grad():
        for layer in layers:
            for part in (layer.lora_A, layer.lora_B):
                part[name].weight.copy_(part[REDUCED].weight)
    model.set_adapter(name)
    model.delete_adapter(REDUCED)


def _unfit(_share: Any, config: TuneConfig) -> ConfigError | None:
    method = adapter_method(config)
    if method is None or not method.adds_product:
        return ConfigError(
            f"intruders scales singular vectors of a LoRA, and the method is {config.method.kind}",
            "use --method lora or rslora, or leave --mitigation intruders out",
        )
    if find_spec("peft.tuners.lora.intruders") is None:
        return ConfigError("this version of peft cannot find intruder dimensions", "pip install -U peft")
    return None


def _scale(share: float, config: TuneConfig, tuned: Path, run: Workspace) -> None:
    loaded = load_model(replace(config.model, name=str(tuned), revision=None, dtype="float32"))
    scale_intruders(loaded.model, share)
    save_tuned(loaded, run)


@MITIGATIONS.register("intruders")
def intruders() -> Mitigation:
    """The value is λ, the share of their singular values that intruder dimensions keep."""
    return Mitigation(
        cost="two singular value decompositions of each adapted matrix",
        default=0.75,
        allowed=Range(0, 1, high_open=False),
        stronger="smaller",
        source="arXiv:2410.21228",
        reads_base=True,
        unfit=_unfit,
        after_training=_scale,
    )
