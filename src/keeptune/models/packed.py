"""A model, or what refers to one, as bytes for another process of the run."""

from __future__ import annotations

import io
from typing import Any

import torch

from keeptune.models.attending import register_attentions
from keeptune.models.processes import own_device


def packed(value: Any) -> bytes:
    """What `unpacked` makes `value` of; what it refers to twice is there once."""
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def unpacked(content: bytes) -> Any:
    """The value, its tensors on the device of this process. Only for what the first process of this very run has
    sent: it is unpickled, so that a file of others could run code."""
    register_attentions()
    return torch.load(io.BytesIO(content), map_location=own_device(), weights_only=False)
