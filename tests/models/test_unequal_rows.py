"""Attention by parts of the rows gives what transformers' own does."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from transformers.integrations import sdpa_attention

from keeptune.models import unequal_rows
from keeptune.models.unequal_rows import PART, unequal_rows_attention

HEADS, WIDTH, KEYS = 3, 8, 40


def asked(rows: int, firsts: torch.Tensor, length: int = 1) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(1)
    query = torch.randn(rows, 2 * HEADS, length, WIDTH)
    key, value = torch.randn(rows, HEADS, KEYS, WIDTH), torch.randn(rows, HEADS, KEYS, WIDTH)
    mask = (torch.arange(KEYS) >= firsts[:, None])[:, None, None, :].expand(rows, 1, length, KEYS)
    return query, key, value, mask


@pytest.mark.parametrize("rows", [1, PART, PART + 1, 3 * PART, 3 * PART + 5])
def test_the_same_as_all_rows_together(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    module = SimpleNamespace(num_key_value_groups=2, is_causal=True)
    query, key, value, mask = asked(rows, torch.arange(rows) % KEYS)
    plain, _ = sdpa_attention.sdpa_attention_forward(module, query, key, value, mask, scaling=0.5)
    read: list[int] = []
    own = unequal_rows.sdpa_attention_forward

    def watched(module: object, query: torch.Tensor, key: torch.Tensor, *more: object, **named: object) -> object:
        read.append(key[:, 0, :, 0].numel())
        return own(module, query, key, *more, **named)

    monkeypatch.setattr(unequal_rows, "sdpa_attention_forward", watched)
    found, _ = unequal_rows_attention(module, query, key, value, mask, scaling=0.5)
    assert torch.allclose(found, plain, atol=1e-6)
    assert found.shape == plain.shape
    assert sum(read) == (rows * KEYS if rows <= PART else sum(KEYS - at // PART * PART for at in range(rows)))


def test_all_else_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    module = SimpleNamespace(num_key_value_groups=2, is_causal=True)
    calls: list[torch.Tensor | None] = []

    def own(_module: object, _query: object, _key: object, _value: object, mask: torch.Tensor | None) -> None:
        calls.append(mask)

    monkeypatch.setattr(unequal_rows, "sdpa_attention_forward", own)
    rows = 2 * PART
    query, key, value, mask = asked(rows, torch.full((rows,), 5), length=2)
    several = (query, key, value, mask)
    query, key, value, mask = asked(rows, torch.full((rows,), 5))
    added = torch.zeros(mask.shape).masked_fill(~mask, float("-inf"))
    seen = torch.ones_like(mask)
    for arguments in (several, *((query, key, value, given) for given in (None, added, seen))):
        unequal_rows_attention(module, *arguments)
        assert calls.pop() is arguments[3]
    assert not calls
