"""A model, or what refers to one, as bytes for another process of the run."""

from __future__ import annotations

import io
import pickle
from typing import Any

import torch
from transformers.dynamic_module_utils import init_hf_modules

from keeptune.errors import ConfigError, first_line
from keeptune.models.attending import register_attentions


def packed(value: Any) -> bytes:
    """What `unpacked` makes `value` of; what it refers to twice is there once."""
    buffer = io.BytesIO()
    try:
        torch.save(value, buffer)
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
