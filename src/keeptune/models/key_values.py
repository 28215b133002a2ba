"""Keys and values of tokens already read: computed once for a prefix that many rows share, and grown in place."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer

from keeptune.models.load import LoadedModel

ATTENTION = {"full_attention", "sliding_attention"}
LONG_PREFIX = 64
"""Tokens that all prompts must share before their keys and values are kept apart."""
FEW = 3
"""Prompts below which that is not done."""


def no_full_attention(loaded: LoadedModel, longest: int) -> str:
    """Why rows of up to `longest` tokens cannot be laid out freely in this model's attention; "" where they can.

    Free layout needs three things: positions given by us, attention to every token that the mask allows, and no
    state beside the keys and values.
    """
    if loaded.kind != "causal":
        return "it is an encoder-decoder"
    if loaded.soft_prompt:
        return "its adapter puts vectors of its own before each row"
    inner = loaded.inner
    if "position_ids" not in inspect.signature(inner.forward).parameters:
        return f"{type(inner).__name__} takes no positions"
    if getattr(inner, "_is_stateful", False):
        return f"{type(inner).__name__} keeps a state that cannot branch"
    settings = inner.config.get_text_config()
    other = sorted(set(getattr(settings, "layer_types", None) or ()) - ATTENTION)
    if other:
        return f"it has layers of another kind ({', '.join(other)})"
    window = getattr(settings, "sliding_window", None)
    if isinstance(window, int) and longest > window:
        return f"its attention reaches back {window} tokens and a row has {longest}"
    return ""


def cache_argument(inner: Any, cache: DynamicCache) -> dict[str, Any]:
    """`cache` as an argument of a forward pass that reads and fills it; transformers is renaming it."""
    name = "cache" if "cache" in inspect.signature(inner.forward).parameters else "past_key_values"
    return {name: cache, "use_cache": True}


def last_logits(inner: Any) -> dict[str, Any]:
    """The argument for the last token's logits alone, where the model has one."""
    return {"logits_to_keep": 1} if "logits_to_keep" in inspect.signature(inner.forward).parameters else {}


@dataclass(frozen=True, slots=True)
class Prefix:
    """Tokens that many rows begin with, read once."""

    tokens: int
    layers: tuple[tuple[torch.Tensor, torch.Tensor], ...]
    """Keys and values of each layer: [1, heads, tokens, width]."""

    def for_rows(self, rows: int) -> DynamicCache:
        """A fresh cache of `rows` rows that all begin with this prefix."""
        return DynamicCache([(k.expand(rows, -1, -1, -1), v.expand(rows, -1, -1, -1)) for k, v in self.layers])


def read_prefix(loaded: LoadedModel, ids: Sequence[int]) -> Prefix:
    """One forward pass over `ids`."""
    cache = DynamicCache()
    tokens = torch.tensor([list(ids)], device=loaded.placement.device)
    loaded.model(input_ids=tokens, **cache_argument(loaded.inner, cache), **last_logits(loaded.inner))
    return Prefix(len(ids), tuple(_read(cache)))


def _read(cache: Any) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [(layer.keys, layer.values) for layer in cache.layers]


def long_prefix(prompts: Sequence[tuple[int, ...]]) -> int:
    """Count of tokens that all `prompts` begin with, short of any prompt's last; 0 where that is not worth keeping."""
    if len(prompts) < FEW:
        return 0
    # Of all prompts, the first and the last in order part the earliest.
    low, high = min(prompts), max(prompts)
    shared = next((at for at, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), len(low))
    shared = min(shared, min(map(len, prompts)) - 1)
    return shared if shared >= LONG_PREFIX else 0


class GrowingLayer(DynamicLayer):  # type: ignore[no-untyped-call]
    """Keys and values of one layer with room for tokens to come: a step writes its own, and copies none of the others.

    transformers' own layer concatenates at each step, which copies everything read so far.
    """

    keys: torch.Tensor
    values: torch.Tensor

    def __init__(self, keys: torch.Tensor, values: torch.Tensor, room: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.lazy_initialization(keys, values)
        self._held = [torch.cat([x, x.new_empty(*x.shape[:2], room, x.shape[3])], dim=2) for x in (keys, values)]
        self._show(keys.shape[2])

    def _show(self, tokens: int) -> None:
        self.keys, self.values = (held[:, :, :tokens] for held in self._held)

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write the new tokens; keys and values of all tokens, [rows, heads, tokens, width]."""
        start = self.keys.shape[2]
        stop = start + key_states.shape[2]
        for held, new in zip(self._held, (key_states, value_states), strict=True):
            held[:, :, start:stop] = new
        self._show(stop)
        return self.keys, self.values

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep these rows only."""
        tokens = self.keys.shape[2]
        self._held = [held[indices] for held in self._held]
        self._show(tokens)


def with_room(cache: DynamicCache, room: int) -> None:
    """Let each layer of `cache` take `room` more tokens without copying, in place."""
    layers: list[Any] = cache.layers
    # One by one, so that what is read is never held twice.
    for at, layer in enumerate(layers):
        layers[at] = GrowingLayer(layer.keys, layer.values, room)
