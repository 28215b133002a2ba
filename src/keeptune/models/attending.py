"""Switch the attention of a model's parts temporarily."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import sdpa_mask

from keeptune.models import short_attention, unequal_rows


def register_attentions() -> None:
    """Register keeptune's attentions by name. Called before a model loads, so that the compiler sees no change
    later."""
    for name, attention in (
        (short_attention.NAME, short_attention.short_attention),
        (unequal_rows.NAME, unequal_rows.unequal_rows_attention),
    ):
        AttentionInterface.register(name, attention)
        AttentionMaskInterface.register(name, sdpa_mask)


def sdpa_settings(model: Any) -> tuple[Any, ...]:
    """The configurations of a model's parts that ask for `sdpa` attention."""
    held = {id(module.config): module.config for module in model.modules() if hasattr(module, "config")}
    return tuple(settings for settings in held.values() if getattr(settings, "_attn_implementation", None) == "sdpa")


@contextlib.contextmanager
def attending(settings: tuple[Any, ...], name: str) -> Iterator[None]:
    """In the block, these configurations use the attention of that name."""
    for each in settings:
        each._attn_implementation = name
    try:
        yield
    finally:
        for each in settings:
            each._attn_implementation = "sdpa"
