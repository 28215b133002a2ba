"""A model, or what refers to one, as bytes for another process of the run."""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from transformers.dynamic_module_utils import init_hf_modules

from keeptune.errors import ConfigError, first_line
from keeptune.models.attending import register_attentions


def packed(value: Any) -> bytes:
    """What `unpacked` makes `value` of; what it refers to twice is there once."""
    return _saved(value, pickle)


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A value without the memory of its weights."""

    value: Any
    weights: list[torch.nn.Parameter]
    """All that it refers to, each once, in an order that is the same in all processes."""
    models: list[torch.nn.Module]
    """Those that are not within another."""


def skeleton(value: Any) -> tuple[bytes, list[torch.nn.Parameter]]:
    """What `unpacked_skeleton` makes a Skeleton of, and the weights that are left out, in its order."""
    weights: list[torch.nn.Parameter] = []
    models: list[torch.nn.Module] = []
    within: set[int] = set()

    class Pickler(pickle.Pickler):
        def reducer_override(self, each: Any) -> Any:
            if isinstance(each, torch.nn.Parameter):
                weights.append(each)
                return _without_memory, (each.shape, each.dtype, each.requires_grad)
            if isinstance(each, torch.nn.Module) and id(each) not in within:
                models.append(each)
                within.update(map(id, each.modules()))
            return NotImplemented

    # The lists are complete when they are reached, and refer to what is there already.
    content = _saved((value, weights, models), SimpleNamespace(__name__="pickle", Pickler=Pickler))
    return content, weights


def unpacked_skeleton(content: bytes, device: torch.device) -> Skeleton:
    """The value that `skeleton` had, its other tensors on `device`; see `unpacked`."""
    with device:
        return Skeleton(*unpacked(content, device))


def _without_memory(shape: torch.Size, dtype: torch.dtype, requires_grad: bool) -> torch.nn.Parameter:
    empty = torch.empty(shape, dtype=dtype)
    empty.untyped_storage().resize_(0)
    return torch.nn.Parameter(empty, requires_grad=requires_grad)


def _saved(value: Any, module: Any) -> bytes:
    buffer = io.BytesIO()
    try:
        torch.save(value, buffer, pickle_module=module)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ConfigError(
            f"several processes cannot share this training: {first_line(error)}", "start it without a launcher"
        ) from error
    return buffer.getvalue()


def unpacked(content: bytes, device: torch.device) -> Any:
    """The value, its tensors on `device`. Only for what the first process of this very run has
    sent: it is unpickled, so that a file of others could run code."""
    register_attentions()
    # The cache of the hub is where code beside a model's weights is imported from.
    init_hf_modules()  # type: ignore[no-untyped-call]
    return torch.load(io.BytesIO(content), map_location=device, weights_only=False)
