"""Check that the base under an adapter is bit-identical to the base.

A file of an adapter may hold more than an adapter: an embedding that `peft` saved with it, biases, or the start of a
method that takes a part out of the base (PiSSA). What it puts into the base's own weights stays there when the adapter
is taken off.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import torch

from keeptune.errors import ModelError

_WRAPPED = re.compile(r"\.(base_layer|original_module|token_adapter)(?=\.)")
"""Where `peft` keeps a base weight next to its trained copy."""


def weight_marks(model: torch.nn.Module) -> dict[str, str]:
    """Name of every weight → a checksum of its bits. It detects changes, but not deliberate collisions."""
    return {name: _mark(weight.detach()) for name, weight in model.named_parameters()}


def changed_weights(before: Mapping[str, str], adapted: Any) -> tuple[str, ...]:
    """Names of base weights that changed or disappeared when the adapter was attached."""
    bare = {_WRAPPED.sub("", name): weight for name, weight in adapted.get_base_model().named_parameters()}
    return tuple(name for name, mark in before.items() if name not in bare or _mark(bare[name].detach()) != mark)


def refuse_changed(changed: tuple[str, ...], name: str) -> None:
    """Raise ModelError if the adapter `name` changed weights of its base, so that the base is gone."""
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise ModelError(
            f"the adapter {name} also changes weights of its base ({changed[0]}{more}), so that without it the model "
            "is not the base",
            "load the two models separately, as `keeptune measure` does; or merge the adapter into its base",
        )


def _mark(weight: torch.Tensor) -> str:
    """Sums of the bits as integers along each dimension: limited by memory speed, and without a copy."""
    kinds = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
    bits = weight.contiguous().view(kinds[weight.element_size()])
    sums = [bits.sum(dim=at, dtype=torch.int64) for at in range(bits.dim())] or [bits.long()]
    digest = hashlib.sha256(str((weight.dtype, tuple(weight.shape))).encode())
    for each in sums:
        digest.update(each.cpu().numpy().tobytes())
    return digest.hexdigest()
