"""Keys and values of a prefix that many rows share, computed once."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer

from keeptune.models.load import LoadedModel

ATTENTION = {"full_attention", "sliding_attention"}
WORTH_READING = 128
"""Minimum tokens saved by computing the common prefix of all prompts once."""
OPENING = 64
"""Minimum common prefix, in tokens, of a group of prompts."""
COMPANY = 8
"""Minimum prompts of a group with a common prefix."""
ROOM = 64
"""Tokens by which keys and values can grow before they are moved."""


class RoomyLayer(DynamicLayer):  # type: ignore[no-untyped-call]
    """One layer's keys and values, with spare capacity, so that new tokens are appended without moving the others."""

    _whole: tuple[torch.Tensor, torch.Tensor] | tuple[()] = ()
    """[rows, heads, capacity, width] each."""
    _shown: torch.Tensor | None = None
    """The part of the keys that was handed out last; where the layer has others, they were put in from outside."""

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """All keys and values including the new ones: [rows, heads, tokens, width] each."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        held = self.get_seq_length()
        total = held + key_states.shape[-2]
        if not self._whole or self.keys is not self._shown or total > self._whole[0].shape[-2]:
            self._whole = (
                _with_room(self.keys, key_states, held, total + ROOM),
                _with_room(self.values, value_states, held, total + ROOM),
            )
        keys, values = self._whole
        keys[:, :, held:total], values[:, :, held:total] = key_states, value_states
        self.keys, self.values = keys[:, :, :total], values[:, :, :total]
        self._shown = self.keys
        return self.keys, self.values

    @classmethod
    def holding(cls, keys: torch.Tensor, values: torch.Tensor) -> RoomyLayer:
        """A layer with these keys and values."""
        layer = cls()
        layer.lazy_initialization(keys, values)
        layer.keys, layer.values = keys, values
        return layer

    @classmethod
    def over(cls, keys: Sequence[torch.Tensor], values: Sequence[torch.Tensor]) -> RoomyLayer:
        """A layer over the rows of all, which end together: shorter ones stand behind zeros. It has room for more."""
        whole = (_ending_together(keys), _ending_together(values))
        tokens = whole[0].shape[-2] - ROOM
        layer = cls.holding(whole[0][:, :, :tokens], whole[1][:, :, :tokens])
        layer._whole, layer._shown = whole, layer.keys
        return layer


def _with_room(held: torch.Tensor | None, new: torch.Tensor, tokens: int, capacity: int) -> torch.Tensor:
    rows, heads, _, width = new.shape
    whole = new.new_empty(rows, heads, capacity, width)
    if held is not None and tokens:
        whole[:, :, :tokens] = held
    return whole


def new_cache(layers: Sequence[tuple[torch.Tensor, torch.Tensor]] = ()) -> DynamicCache:
    """A cache that begins with these keys and values."""
    cache = DynamicCache()
    cache.layer_class_to_replicate = RoomyLayer
    cache.layers = [RoomyLayer.holding(keys, values) for keys, values in layers]
    return cache


def joined(caches: Sequence[DynamicCache]) -> DynamicCache:
    """One cache over the rows of all, which end together. What it is made of is given up layer by layer, so that no
    more than one layer takes room twice."""
    return caches[0] if len(caches) == 1 else _moved(caches, slice(None), 0)


def selected(cache: DynamicCache, rows: Sequence[int], first: int) -> DynamicCache:
    """These rows of a cache, which is given up as by `joined`, without the tokens before `first`."""
    return _moved([cache], rows, first)


def _moved(caches: Sequence[DynamicCache], rows: Sequence[int] | slice, first: int) -> DynamicCache:
    found = new_cache()
    for same in zip(*(cache.layers for cache in caches), strict=True):
        keys, values = ([getattr(x, name)[rows, :, first:] for x in same] for name in ("keys", "values"))
        found.layers.append(RoomyLayer.over(keys, values))
        for given in same:
            given.keys = given.values = None
            given._whole, given._shown = (), None
    return found


def _ending_together(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """[rows, heads, tokens + ROOM, width]."""
    rows, longest = sum(len(part) for part in parts), max(part.shape[-2] for part in parts)
    whole = parts[0].new_empty(rows, parts[0].shape[1], longest + ROOM, parts[0].shape[3])
    start = 0
    for part in parts:
        of_part = whole[start : start + len(part), :, :longest]
        # Masked positions have weight 0, but 0 · NaN is NaN.
        of_part[:, :, : longest - part.shape[-2]] = 0
        of_part[:, :, longest - part.shape[-2] :] = part
        start += len(part)
    return whole


def no_full_attention(loaded: LoadedModel, longest: int) -> str:
    """Why rows of up to `longest` tokens cannot be laid out freely in this model's attention; "" where they can.

    Free layout needs three things: positions given by us, attention to every token that the mask allows, and no
    state beside the keys and values.
    """
    if loaded.kind != "causal":
        return "it is an encoder-decoder"
    if loaded.soft_prompt:
        return "its adapter adds virtual tokens before each row"
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
    if "local" in (getattr(settings, "attention_layers", None) or ()):
        # The name in GPT-Neo.
        window = settings.window_size
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
    """A prefix that many rows share, computed once."""

    tokens: int
    layers: tuple[tuple[torch.Tensor, torch.Tensor], ...]
    """Keys and values of each layer: [1, heads, tokens, width]."""

    @property
    def bytes_a_token(self) -> int:
        """Bytes of one token's keys and values in all layers."""
        return sum(part.nbytes for layer in self.layers for part in layer) // self.tokens

    def for_rows(self, rows: int) -> DynamicCache:
        """A new cache of `rows` rows that all start with this prefix."""
        return new_cache([(k.expand(rows, -1, -1, -1), v.expand(rows, -1, -1, -1)) for k, v in self.layers])


def read_prefix(loaded: LoadedModel, ids: Sequence[int]) -> Prefix:
    """One forward pass over `ids`."""
    cache = DynamicCache()
    tokens = torch.tensor([list(ids)], device=loaded.placement.device)
    loaded.model(input_ids=tokens, **cache_argument(loaded.inner, cache), **last_logits(loaded.inner))
    layers: list[Any] = cache.layers
    return Prefix(len(ids), tuple((layer.keys, layer.values) for layer in layers))


def long_prefix(prompts: Sequence[tuple[int, ...]]) -> int:
    """Length of the common prefix of all `prompts`, without any prompt's last token; 0 if it is too short to pay."""
    if not prompts:
        return 0
    # In sorted order, the first and the last prompt differ earliest.
    low, high = min(prompts), max(prompts)
    shared = next((at for at, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), len(low))
    shared = min(shared, min(map(len, prompts)) - 1)
    return shared if shared * (len(prompts) - 1) >= WORTH_READING else 0


def by_opening(prompts: Sequence[Sequence[int]]) -> list[list[int]]:
    """Indices of `prompts` in groups that begin alike for half of the shortest one; those without company together.

    Items of one suite differ in their template, and with it in their worked examples.
    """
    half = max(OPENING, min(map(len, prompts), default=0) // 2)
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, prompt in enumerate(prompts):
        groups.setdefault(tuple(prompt[:half]), []).append(index)
    alike = [group for group in groups.values() if len(group) >= COMPANY]
    alone = [index for group in groups.values() if len(group) < COMPANY for index in group]
    return [*alike, alone] if alone else alike
