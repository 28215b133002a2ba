"""Interpolate between the weights of a base and a tuned model: W₀ + α (W − W₀).

Wortsman et al. 2022, "Robust fine-tuning of zero-shot models" (WiSE-FT), arXiv:2109.01903.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from keeptune.errors import ModelError

Weights = Mapping[str, torch.Tensor]

_FIX = "give exactly the base that was tuned, both saved by the same version of transformers"


def interpolate(base: torch.Tensor, tuned: torch.Tensor, alpha: float) -> torch.Tensor:
    """base + alpha · (tuned − base), computed in float32 at least, in the wider dtype of the two.

    Bit-identical to `base` at 0 and to `tuned` at 1.
    """
    dtype = torch.promote_types(base.dtype, tuned.dtype)
    if alpha in (0, 1) or not dtype.is_floating_point:
        return (tuned if alpha else base).to(dtype)
    wide = torch.promote_types(dtype, torch.float32)
    return torch.lerp(base.to(wide), tuned.to(wide), alpha).to(dtype)


def match_weights(base: Weights, tuned: Weights) -> dict[str, str]:
    """Name of each tuned weight → name of its weight in the base.

    A matrix that one side alone has must be tied there: equal to another, which both have (the output embedding,
    mostly, which is saved by some tools and left out by others).

    Raises:
        ModelError: a weight without counterpart, of another shape, or a buffer that is not of floats and differs.
    """
    shared = [name for name in tuned if name in base]
    for name in base.keys() - tuned.keys():
        _tied(name, base, shared, "tuned model")
    matched = {name: name if name in base else _tied(name, tuned, shared, "base") for name in tuned}
    for name, of_base in matched.items():
        before, after = base[of_base], tuned[name]
        if before.shape != after.shape:
            raise ModelError(
                f"{name} has the shape {tuple(after.shape)} in the tuned model and {tuple(before.shape)} in the base",
                _FIX,
            )
        if not (before.is_floating_point() and after.is_floating_point()) and not _same(before, after):
            raise ModelError(f"{name} holds no floats and is not the same in base and tuned model", _FIX)
    return matched


def _tied(name: str, side: Weights, shared: list[str], lacking: str) -> str:
    for other in shared:
        # Many vectors are equal before training: all ones.
        if side[name].ndim > 1 and _same(side[other], side[name]):
            return other
    raise ModelError(f"{name} has no counterpart in the {lacking}", _FIX)


def _same(first: torch.Tensor, second: torch.Tensor) -> bool:
    return first.shape == second.shape and first.dtype == second.dtype and torch.equal(first, second.to(first.device))
