"""Decoding that goes on from a shared prefix and lets finished rows go.

transformers' `generate` reads a prefix once a row, and carries every row on until the last one ends. The arithmetic
of a step is the same here, so the greedy tokens are, but for ties within rounding.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn.functional import pad
from transformers import GenerationMixin
from transformers.cache_utils import DynamicCache

from keeptune.models.key_values import Prefix, cache_argument, joined, last_logits, new_cache, no_full_attention
from keeptune.models.load import LoadedModel
from keeptune.numerics.batching import split_by_budget

READ = 4096
"""Tokens of prompts that are read at once."""
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
    order, cache, mask, logits = _read_prompts(loaded, prompts, prefix)
    arguments = cache_argument(loaded.inner, cache) | last_logits(loaded.inner)
    found: list[list[int]] = [[] for _ in prompts]
    live = torch.tensor(order, device=device)
    ended = torch.zeros_like(live, dtype=torch.bool)
    for step in range(1, max_new_tokens + 1):
        following = _next(logits.float(), generator)
        for row, token, over in zip(live.tolist(), following.tolist(), ended.tolist(), strict=True):
            if not over:
                found[row].append(token)
        ended |= torch.isin(following, ends)
        if step == max_new_tokens or bool(ended.all()):
            break
        if int(ended.sum()) >= LET_GO * len(ended):
            kept = (~ended).nonzero()[:, 0]
            cache.batch_select_indices(kept)
            live, mask, following, ended = live[kept], mask[kept], following[kept], ended[kept]
        mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
        positions = mask.sum(1, keepdim=True) - 1
        ids = following[:, None]
        logits = loaded.model(input_ids=ids, attention_mask=mask, position_ids=positions, **arguments).logits[:, -1]
    return found


def _read_prompts(
    loaded: LoadedModel, prompts: Sequence[Sequence[int]], prefix: Prefix | None
) -> tuple[list[int], DynamicCache, torch.Tensor, torch.Tensor]:
    """(the prompts' order, their keys and values, the mask over them [rows, longest], the last logits of each).

    Prompts are read by parts of like length, then all go on together: a step costs little more for many rows.
    """
    device = loaded.placement.device
    shared = prefix.tokens if prefix else 0
    order: list[int] = []
    caches, masks, logits = [], [], []
    for part in split_by_budget(range(len(prompts)), [len(prompt) - shared for prompt in prompts], READ):
        ids, mask = _left_padded([prompts[index] for index in part], shared, loaded.tokenizer.pad_token_id)
        cache = prefix.for_rows(len(part)) if prefix else new_cache()
        positions = (mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        arguments = cache_argument(loaded.inner, cache) | last_logits(loaded.inner)
        given = {"input_ids": ids, "attention_mask": mask, "position_ids": positions}
        found = loaded.model(**{name: tensor.to(device) for name, tensor in given.items()}, **arguments)
        logits.append(found.logits[:, -1])
        caches.append(cache)
        masks.append(mask)
        order += part
    longest = max(mask.shape[1] for mask in masks)
    whole = torch.cat([pad(mask, (longest - mask.shape[1], 0)) for mask in masks])
    return order, joined(caches), whole.to(device), torch.cat(logits)


def _next(logits: torch.Tensor, generator: torch.Generator | None) -> torch.Tensor:
    if generator is None:
        return logits.argmax(dim=-1)
    return torch.multinomial(logits.softmax(dim=-1), 1, generator=generator)[:, 0]


def _left_padded(prompts: Sequence[Sequence[int]], shared: int, pad_id: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids of what follows the shared tokens, [rows, length], and the mask over both, [rows, shared + length]."""
    longest = max(len(prompt) for prompt in prompts)
    ids = torch.tensor([[pad_id] * (longest - len(prompt)) + list(prompt[shared:]) for prompt in prompts])
    mask = torch.tensor([[1] * shared + [0] * (longest - len(p)) + [1] * (len(p) - shared) for p in prompts])
    return ids, mask
