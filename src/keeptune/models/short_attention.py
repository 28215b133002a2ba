"""Attention by plain matrix products, for short rows on a CPU.

The CPU kernel behind `scaled_dot_product_attention` takes most of its time in the backward pass, several times that of
the products themselves. Written out, its small steps are fused by the compiler; without it, the kernel is as fast.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers.integrations.sdpa_attention import sdpa_attention_forward

NAME = "keeptune_short_rows"
LONGEST = 1024
"""Tokens a row; beyond, the table of all pairs, kept for the backward pass, outgrows all else that is kept."""

HARMLESS = frozenset({"sliding_window", "position_ids", "cache_position", "use_cache"})
"""Arguments that change nothing without a mask. Others may (a bias by position, a cap, sinks): not written out here."""


def short_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """softmax(q kᵀ · scaling) v, each query seeing the keys up to its own place; all else goes to transformers' own.

    Args:
        query: [rows, heads, length, width].
        key, value: [rows, key heads, length, width]; one serves heads / key heads of the queries.
        options: dropout, scaling, is_causal, and what else a model hands to transformers' own.

    Returns:
        ([rows, length, heads, width], None), as transformers' attention functions do.
    """
    rows, heads, length, width = query.shape
    scaling, causal = options.get("scaling"), options.get("is_causal")
    causal = getattr(module, "is_causal", True) if causal is None else causal
    asked = {name for name, value in options.items() if value is not None and value is not False}
    plain = attention_mask is None and causal and not options.get("dropout") and key.shape == value.shape
    plain = plain and asked <= HARMLESS | {"dropout", "scaling", "is_causal"}
    if not plain or key.shape[2] != length or length > LONGEST:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    shared = heads // key.shape[1]
    scaled = query * (width**-0.5 if scaling is None else scaling)
    grouped = scaled.reshape(-1, shared * length, width)
    keys, values = key.reshape(-1, length, width), value.reshape(-1, length, width)
    pairs = torch.bmm(grouped, keys.transpose(1, 2)).view(-1, shared, length, length)
    places = torch.arange(length, device=query.device)
    seen = torch.where(places[:, None] >= places, pairs.float(), float("-inf"))
    weights = torch.softmax(seen, dim=-1).to(query.dtype).view(-1, shared * length, length)
    found = torch.bmm(weights, values).view(rows, heads, length, width)
    return found.transpose(1, 2).contiguous(), None
