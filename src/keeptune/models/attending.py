"""Which attention a model's parts use for a while."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any


def sdpa_settings(model: Any) -> tuple[Any, ...]:
    """The configurations of a model's parts that ask for `sdpa` attention."""
    held = {id(module.config): module.config for module in model.modules() if hasattr(module, "config")}
    return tuple(settings for settings in held.values() if getattr(settings, "_attn_implementation", None) == "sdpa")


@contextlib.contextmanager
def attending(settings: tuple[Any, ...], name: str) -> Iterator[None]:
    """These configurations ask for the attention of that name meanwhile."""
    for each in settings:
        each._attn_implementation = name
    try:
        yield
    finally:
        for each in settings:
            each._attn_implementation = "sdpa"
