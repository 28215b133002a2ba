"""Decoding that goes on from a shared prefix and lets finished rows go.

transformers' `generate` reads a prefix once a row, and carries every row on until the last one ends. The arithmetic
of a step is the same here, so the greedy tokens are, but for ties within rounding.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import GenerationMixin
from transformers.cache_utils import DynamicCache

from keeptune.models.key_values import Prefix, cache_argument, last_logits, no_full_attention
from keeptune.models.load import LoadedModel

LET_GO = 0.25
"""Share of the rows that must be finished before the rest is moved together."""


def decodes_plainly(loaded: LoadedModel, longest: int) -> bool:
    """Whether a step of this model needs no more than tokens, mask, positions and a cache."""
    own = type(loaded.inner).prepare_inputs_for_generation
    return own is GenerationMixin.prepare_inputs_for_generation and not no_full_attention(loaded, longest)


@torch.inference_mode()
def cached_decode(
    loaded: LoadedModel,
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    generator: torch.Generator | None = None,
    *,
    prefix: Prefix | None = None,
) -> list[list[int]]:
    """The new tokens of each prompt, up to and with its end token.

    Args:
        generator: draws from the model's own distribution; without it the likeliest token is taken.
        prefix: what all prompts begin with, read before.
    """
    device = loaded.placement.device
    ends = torch.tensor(loaded.end_ids(), device=device)
    ids, mask = (tensor.to(device) for tensor in _left_padded(prompts, prefix, loaded.tokenizer.pad_token_id))
    cache = prefix.for_rows(len(prompts)) if prefix else DynamicCache()
    arguments = cache_argument(loaded.inner, cache) | last_logits(loaded.inner)
    positions = (mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
    found: list[list[int]] = [[] for _ in prompts]
    live = torch.arange(len(prompts), device=device)
    ended = torch.zeros_like(live, dtype=torch.bool)
    for _ in range(max_new_tokens):
        logits = loaded.model(input_ids=ids, attention_mask=mask, position_ids=positions, **arguments).logits
        following = _next(logits[:, -1].float(), generator)
        for row, token, over in zip(live.tolist(), following.tolist(), ended.tolist(), strict=True):
            if not over:
                found[row].append(token)
        ended |= torch.isin(following, ends)
        if bool(ended.all()):
            break
        if int(ended.sum()) >= LET_GO * len(ended):
            kept = (~ended).nonzero()[:, 0]
            cache.batch_select_indices(kept)
            live, mask, following, ended = live[kept], mask[kept], following[kept], ended[kept]
        mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
        ids = following[:, None]
        positions = mask.sum(1, keepdim=True) - 1
    return found


def _next(logits: torch.Tensor, generator: torch.Generator | None) -> torch.Tensor:
    if generator is None:
        return logits.argmax(dim=-1)
    return torch.multinomial(logits.softmax(dim=-1), 1, generator=generator)[:, 0]


def _left_padded(
    prompts: Sequence[Sequence[int]], prefix: Prefix | None, pad: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids of what follows the prefix, [rows, length], and the mask over both, [rows, prefix + length]."""
    shared = prefix.tokens if prefix else 0
    longest = max(len(prompt) for prompt in prompts)
    ids = torch.tensor([[pad] * (longest - len(prompt)) + list(prompt[shared:]) for prompt in prompts])
    mask = torch.tensor([[1] * shared + [0] * (longest - len(p)) + [1] * (len(p) - shared) for p in prompts])
    return ids, mask
