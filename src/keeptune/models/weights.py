"""Trainable weights; fold a trained change into the base weights, and cast weights."""

from __future__ import annotations

import re
from typing import Any

import torch
from peft.tuners.tuners_utils import BaseTunerLayer

from keeptune.models.adapters import METHODS
from keeptune.models.load import LoadedModel


def trainable_weights(model: Any) -> dict[str, torch.Tensor]:
    """Name → tensor of every weight that gets a gradient, tied ones once."""
    return {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}


def trainable_parameters(model: Any) -> list[torch.nn.Parameter]:
    """Every weight that gets a gradient, tied ones once, in the order of `trainable_weights`."""
    return [weight for weight in model.parameters() if weight.requires_grad]


def fold_adapter(loaded: LoadedModel) -> bool:
    """Merge the adapter of `loaded` into its weights, in place; False if the method cannot be merged.

    Merge in float32 and cast afterwards: folded into bfloat16 weights, small changes are rounded away.
    """
    config = next(iter(loaded.model.peft_config.values()))
    names = {type(config).__name__}
    if not any(method.mergeable and method.config in names for method in METHODS.values()):
        return False
    _untie(loaded)
    loaded.model = loaded.model.merge_and_unload()
    return True


def _untie(loaded: LoadedModel) -> None:
    """Untie input and output embedding if only one of them has a change."""
    inner: Any = loaded.inner
    first, last = inner.get_input_embeddings(), inner.get_output_embeddings()
    if last is None or last.weight is not first.weight:
        return
    if any(isinstance(end, BaseTunerLayer) for end in (first, last)):
        bare = getattr(last, "base_layer", last)
        bare.weight = torch.nn.Parameter(bare.weight.detach().clone(), requires_grad=bare.weight.requires_grad)
        inner.config.tie_word_embeddings = False


def cast_weights(model: torch.nn.Module, dtype: torch.dtype) -> None:
    """The weights in another dtype, in place, as if they had been loaded in it.

    Buffers stay: rotary frequencies in bfloat16 are off by radians at positions in the thousands. So do the weights
    that transformers keeps in float32, such as T5's in float16.
    """
    kept = [getattr(model, "_keep_in_fp32_modules_strict", None) or ()]
    if dtype == torch.float16:
        kept.append(getattr(model, "_keep_in_fp32_modules", None) or ())
    parts = [re.escape(part) for names in kept for part in names]
    keeps = re.compile(rf"(^|\.)({'|'.join(parts)})(\.|$)") if parts and dtype != torch.float32 else None
    for name, weight in model.named_parameters():
        if keeps is None or not keeps.search(name):
            weight.data = weight.data.to(dtype)
