"""Attention of one new token a row to keys of unequal lengths, on a CPU.

Its time is that of reading the keys and values. Rows padded on the left to the longest are taken by parts, each without
the keys that none of its rows sees.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers.integrations.sdpa_attention import sdpa_attention_forward

NAME = "keeptune_unequal_rows"
PART = 8
"""Rows that are taken together."""


def unequal_rows_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """What transformers' own gives, to rounding.

    Args:
        query: [rows, heads, length, width]; nothing is saved unless the length is 1.
        key, value: [rows, key heads, keys, width].
        attention_mask: true where a key is seen, [rows, 1, length, keys]; None or another kind: nothing is saved.
    """
    rows, saved = len(query), False
    if query.shape[2] == 1 and rows > PART and attention_mask is not None and attention_mask.dtype is torch.bool:
        firsts = attention_mask.expand(rows, -1, -1, -1)[:, 0, 0].int().argmax(-1).tolist()
        starts = range(0, rows, PART)
        firsts = [min(firsts[start : start + PART]) for start in starts]
        saved = any(firsts)
    if not saved or attention_mask is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    found = []
    for start, first in zip(starts, firsts, strict=True):
        part = slice(start, start + PART)
        keys, values, seen = key[part, :, first:], value[part, :, first:], attention_mask[part, ..., first:]
        found.append(sdpa_attention_forward(module, query[part], keys, values, seen, **options)[0])
    return torch.cat(found), None
