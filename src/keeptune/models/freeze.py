"""Freeze the lowest layers: low layers hold general features, high layers those of a task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from keeptune.errors import ConfigError
from keeptune.models.load import LoadedModel


@dataclass(frozen=True, slots=True)
class Frozen:
    """The modules that `freeze_lowest` froze."""

    layers: tuple[str, ...]
    """Names of modules, as in ``model.layers.0``."""
    weights: int
    """Embeddings and those layers together; an output embedding that is tied is one of them."""


def freeze_lowest(loaded: LoadedModel, share: float) -> Frozen:
    """Freeze the embeddings and the lowest round(share · layers) layers for full fine-tuning, in place.

    In an encoder-decoder, it freezes that share of both stacks.

    Raises:
        ConfigError: no stack of layers is found.
    """
    model = loaded.inner
    frozen = _lowest(model, share)
    embeddings = [module for module in model.modules() if isinstance(module, torch.nn.Embedding)]
    layers = [model.get_submodule(name) for name in frozen]
    weights = {id(weight): weight for module in (*embeddings, *layers) for weight in module.parameters()}
    for weight in weights.values():
        weight.requires_grad_(False)
    return Frozen(frozen, sum(weight.numel() for weight in weights.values()))


def upper_modules(loaded: LoadedModel, targets: Sequence[str], share: float) -> list[str]:
    """Full names of the modules that `targets` end the names of, without those in the lowest layers.

    Raises:
        ConfigError: no stack of layers is found, or every target is in a layer that is frozen.
    """
    below = tuple(f"{name}." for name in _lowest(loaded.model, share))
    found = [
        name
        for name, _ in loaded.model.named_modules()
        if name.rpartition(".")[2] in targets and not name.startswith(below)
    ]
    if not found:
        raise ConfigError(f"--freeze {share:g} leaves no layer to put an adapter on", "freeze a smaller share")
    return found


def _lowest(model: Any, share: float) -> tuple[str, ...]:
    return tuple(
        f"{name}.{index}" for name, count in layer_stacks(model).items() for index in range(round(share * count))
    )


def layer_stacks(model: Any) -> dict[str, int]:
    """Name and length of each stack of like layers: one for a decoder-only model, two for an encoder-decoder.

    Raises:
        ConfigError: there is none.
    """
    stacks: dict[str, int] = {}
    for name, module in model.named_modules():
        inside = any(name.startswith(f"{outer}.") for outer in stacks)
        if isinstance(module, torch.nn.ModuleList) and not inside and len({type(layer) for layer in module}) == 1:
            stacks[name] = len(module)
    if not stacks:
        raise ConfigError(f"{type(model).__name__} has no stack of layers to freeze", "leave --freeze out")
    return stacks
