"""Caches whose rows are put together or chosen from hold the same keys and values, and room for more."""

from __future__ import annotations

import torch
from transformers.cache_utils import DynamicCache

from keeptune.models.key_values import joined, new_cache, selected

HEADS, WIDTH, LAYERS = 2, 3, 2


def cache_of(rows: int, tokens: int) -> tuple[DynamicCache, list[torch.Tensor]]:
    keys = [torch.randn(rows, HEADS, tokens, WIDTH) for _ in range(LAYERS)]
    return new_cache([(each, -each) for each in keys]), keys


def test_rows_end_together_behind_zeros() -> None:
    (one, long), (other, short) = cache_of(2, 7), cache_of(3, 4)
    for layer, found in enumerate(joined([one, other]).layers):
        expected = torch.cat([long[layer], torch.nn.functional.pad(short[layer], (0, 0, 3, 0))])
        assert torch.equal(found.keys, expected)
        assert torch.equal(found.values, -expected)
    assert one.layers[0].keys is None, "what was joined is given up"


def test_rows_are_chosen_and_go_on_in_place() -> None:
    cache, keys = cache_of(4, 7)
    found = selected(cache, [3, 1], 2)
    for layer, own in zip(found.layers, keys, strict=True):
        expected = own[[3, 1], :, 2:]
        assert torch.equal(layer.keys, expected)
        place = layer.keys.data_ptr()
        new = torch.randn(2, HEADS, 1, WIDTH)
        after, values = layer.update(new, -new)
        assert torch.equal(after, torch.cat([expected, new], dim=2))
        assert torch.equal(values, -after)
        assert after.data_ptr() == place, "there was no room"
