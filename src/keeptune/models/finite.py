"""Refuse models with logits that are not numbers, in every use of a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch.utils.hooks import RemovableHandle

from keeptune.errors import ModelError, NonFiniteLogits


def refuse_broken_weights(model: Any, name: str) -> None:
    """Raise ModelError for a weight that is NaN or infinite. The logits do not show all of them, because fused
    attention kernels may treat a NaN score as masked."""
    for weight, values in model.named_parameters():
        if values.is_floating_point() and not bool(values.detach().isfinite().all()):
            raise ModelError(f"the weight {weight} of {name} is NaN or infinite", "fetch, copy or train it again")


def watch_logits(model: Any, name: str) -> RemovableHandle:
    """Make every forward pass of `model` raise NonFiniteLogits if a position's logits are NaN or +inf, or all −inf,
    until the handle is removed.

    Training is exempt; it checks the loss.
    """
    handle: RemovableHandle = model.register_forward_hook(partial(_look, name), with_kwargs=True)
    return handle


def _look(name: str, module: Any, _: Any, given: Mapping[str, Any], output: Any) -> None:
    logits = getattr(output, "logits", None)
    if module.training or not isinstance(logits, torch.Tensor) or not logits.numel():
        return
    # max() propagates NaN. Some tokens may be excluded by −inf.
    bad = ~logits.detach().amax(dim=-1).isfinite()
    mask = given.get("attention_mask")
    if isinstance(mask, torch.Tensor) and bad.dim() == 2 and mask.dim() == 2 and len(mask) == len(bad):
        # Values at padding positions are unused.
        bad[:, -mask.shape[1] :] &= mask[:, -bad.shape[1] :].bool() if mask.shape[1] >= bad.shape[1] else True
    if bool(bad.any()):
        raise NonFiniteLogits(name, tuple(map(tuple, bad.nonzero().tolist())))


@contextmanager
def naming(listed: Callable[[], Sequence[str | tuple[int, ...]]]) -> Iterator[None]:
    """A NonFiniteLogits of a forward pass over these rows tells which: by their items, or by their prompts' ids."""
    try:
        yield
    except NonFiniteLogits as error:
        if error.rows:
            raise
        rows = listed()
        raise error.of([rows[place[0]] for place in error.places if place[0] < len(rows)]) from None


@contextmanager
def naming_prompts(prompts: Sequence[Sequence[int]], items: Sequence[str]) -> Iterator[None]:
    """One that tells of prompts names their items; one that tells of no row, the first."""
    try:
        yield
    except NonFiniteLogits as error:
        by_prompt = {tuple(prompt): item for prompt, item in zip(prompts, items, strict=True)}
        found = [row if isinstance(row, str) else by_prompt.get(row, "") for row in error.rows]
        raise error.of([item for item in found if item] or list(items[:1])) from None
