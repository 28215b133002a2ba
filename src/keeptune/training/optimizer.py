"""AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101), its two moments in 32 bits or in 8, by blocks of 256 weights
(Dettmers et al. 2022, arXiv:2110.02861)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import torch

from keeptune.commands import install
from keeptune.config.schema import OptimizerName, TrainingConfig
from keeptune.errors import MissingDependency

IN_8_BITS: OptimizerName = "adamw_8bit"
MOMENTS: Mapping[OptimizerName, float] = {"adamw": 8.0, IN_8_BITS: 2.0 * (1.0 + 4.0 / 256.0)}
"""Bytes of both moments of a weight; in 8 bits with the scales of their blocks."""


def adamw_of(weights: Sequence[torch.Tensor], config: TrainingConfig) -> torch.optim.Optimizer:
    """The optimizer of these weights, fused if the device supports it; `Update.apply` says the learning rate.

    Raises:
        MissingDependency: bitsandbytes is not installed, and the moments are to be in 8 bits.
    """
    if config.optimizer == IN_8_BITS:
        refuse_without_bitsandbytes(config)
        from bitsandbytes.optim.adamw import AdamW8bit

        made: Any = AdamW8bit
        optimizer: torch.optim.Optimizer = made(weights, weight_decay=config.weight_decay)
        return optimizer
    fused = weights[0].device.type in ("cpu", "cuda")
    return torch.optim.AdamW(weights, weight_decay=config.weight_decay, fused=fused)


def moments(weights: int, config: TrainingConfig) -> int:
    """Bytes that the optimizer holds for this number of weights, without their gradient."""
    return round(MOMENTS[config.optimizer] * weights)


def refuse_without_bitsandbytes(config: TrainingConfig) -> None:
    """Raise MissingDependency if the optimizer needs bitsandbytes, and it is not installed."""
    if config.optimizer == IN_8_BITS and find_spec("bitsandbytes") is None:
        raise MissingDependency(f"--optimizer {IN_8_BITS} needs the package bitsandbytes", install("quantization"))
