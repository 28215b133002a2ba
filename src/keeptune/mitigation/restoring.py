"""The restoring part of a gradient: of each weight, what would move it back towards where it was.

A term that holds the model to the base has its minimum at the base's weights. Where its gradient points away from them,
a step serves the few rows of that step and no others, and an optimizer that divides a gradient by its usual size makes
that step as large as any, however small the slope. Without that part, the same rows hold the model better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

CHUNK = 1 << 18
"""Weights at a time: the tables between stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class RestoringPart:
    """Sets the gradient of a weight to 0 where a step against it would move the weight further from its start."""

    weights: Sequence[tuple[torch.nn.Parameter, torch.Tensor]]
    """Each with its value at the start, of the same shape."""

    @classmethod
    def of(cls, model: Any) -> RestoringPart:
        """For the weights that are trained, as they are now. It keeps a copy of them: in bfloat16 where that is exact,
        as with most published weights."""
        return cls([(weight, _copy(weight)) for weight in model.parameters() if weight.requires_grad])

    def __call__(self) -> None:
        for weight, start in self.weights:
            if weight.grad is not None:
                keep_restoring(weight, start, weight.grad)


def keep_restoring(weight: torch.Tensor, start: torch.Tensor, gradient: torch.Tensor) -> None:
    """Set `gradient` to 0 where a step against it would move `weight` further from its `start`."""
    chunks = (_chunks(each) for each in (weight.detach(), start, gradient))
    for now, before, slope in zip(*chunks, strict=True):
        # In one dtype throughout, which is several times as fast on a CPU.
        away = before.to(now.dtype, copy=True)
        slope.mul_(torch.sub(now, away, out=away).mul_(slope).gt_(0))


def _chunks(table: torch.Tensor) -> Sequence[torch.Tensor]:
    if table.numel() <= CHUNK:
        return (table,)
    return torch.split(table, max(1, CHUNK * len(table) // table.numel()))


def _copy(weight: torch.Tensor) -> torch.Tensor:
    half = weight.detach().to(torch.bfloat16, copy=True)
    return half if torch.equal(half.to(weight.dtype), weight) else weight.detach().clone()
