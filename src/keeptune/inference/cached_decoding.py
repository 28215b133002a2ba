"""Decoding that goes on from a shared prefix, and gives the places of finished rows to those that wait.

transformers' `generate` reads a prefix once a row, and carries every row on until the last one ends. The arithmetic
of a step is the same here, so the greedy tokens are, but for ties within rounding.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import pad
from transformers import GenerationMixin
from transformers.cache_utils import DynamicCache

from keeptune.data.batching import split_by_budget
from keeptune.models.attending import attending, sdpa_settings
from keeptune.models.finite import naming
from keeptune.models.key_values import (
    Prefix,
    cache_argument,
    joined,
    last_logits,
    new_cache,
    no_full_attention,
    selected,
)
from keeptune.models.load import LoadedModel
from keeptune.models.unequal_rows import NAME as UNEQUAL_ROWS

READ = 4096
"""Tokens of prompts that are read at once."""
LET_GO = 0.25
"""Share of the rows that must be finished before the rest is moved together, and others take their places."""


def decodes_plainly(loaded: LoadedModel, longest: int) -> bool:
    """Whether a step of this model needs no more than tokens, mask, positions and a cache."""
    own = type(loaded.inner).prepare_inputs_for_generation
    return own is GenerationMixin.prepare_inputs_for_generation and not no_full_attention(loaded, longest)


@dataclass(slots=True)
class _Rows:
    """Prompts that are answered beside each other."""

    indices: list[int]
    cache: DynamicCache
    mask: torch.Tensor
    """Over the keys and values: [rows, tokens]."""
    logits: torch.Tensor
    """Of each row's next token: [rows, vocabulary]."""

    def keep(self, places: list[int]) -> None:
        """These rows alone, from where the longest of them begins; their logits are to follow."""
        mask = self.mask[places]
        first = int(mask.any(0).nonzero()[0])
        self.cache = selected(self.cache, places, first)
        self.indices, self.mask = [self.indices[at] for at in places], mask[:, first:]

    def go_on(self, loaded: LoadedModel, tokens: torch.Tensor) -> None:
        """By one token each: [rows]."""
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(self.mask), 1)], dim=1)
        positions = self.mask.sum(1, keepdim=True) - 1
        arguments = cache_argument(loaded.inner, self.cache) | last_logits(loaded.inner)
        ids = tokens[:, None]
        found = loaded.model(input_ids=ids, attention_mask=self.mask, position_ids=positions, **arguments)
        self.logits = found.logits[:, -1]


def cached_decode(
    loaded: LoadedModel,
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    generator: torch.Generator | None = None,
    *,
    prefix: Prefix | None = None,
) -> list[list[int]]:
    """The new tokens of each prompt, up to and with its end token: `as_they_end`, all beside each other."""
    found = dict(as_they_end(loaded, prompts, max_new_tokens, generator, prefix=prefix))
    return [found[index] for index in range(len(prompts))]


@torch.inference_mode()
def as_they_end(
    loaded: LoadedModel,
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    generator: torch.Generator | None = None,
    *,
    prefix: Prefix | None = None,
    at_once: int | None = None,
) -> Iterator[tuple[int, list[int]]]:
    """Each prompt's index and its new tokens, up to and with its end token, as soon as they are there.

    Args:
        generator: draws from the model's own distribution; without it the likeliest token is taken.
        prefix: what all prompts begin with, read before.
        at_once: tokens whose keys and values are held at a time, be it of one row; other prompts wait, the longest
            first, for the places of rows that have ended. None: none waits.
    """
    device = loaded.placement.device
    ends = torch.tensor(loaded.end_ids(), device=device)
    settings = sdpa_settings(loaded.model) if device.type == "cpu" else ()
    found: list[list[int]] = [[] for _ in prompts]
    waiting = deque(sorted(range(len(prompts)), key=lambda index: len(prompts[index]), reverse=True))
    rows: _Rows | None = None
    over: set[int] = set()
    places_free = True
    while rows or waiting:
        if rows is None or (waiting and places_free):
            held = rows.indices if rows else []
            longest = max(len(prompts[index]) for index in (*held, waiting[0])) + max_new_tokens
            room = len(waiting) if at_once is None else max(at_once // longest - len(held), not held)
            taken = [waiting.popleft() for _ in range(min(room, len(waiting)))]
            rows = _joined([*([rows] if rows else []), *_read_prompts(loaded, prompts, taken, prefix)])
        following = _next(rows.logits.float(), generator)
        ended = torch.isin(following, ends).tolist()
        for index, token, end in zip(rows.indices, following.tolist(), ended, strict=True):
            if index not in over:
                found[index].append(token)
                if end or len(found[index]) == max_new_tokens:
                    over.add(index)
                    yield index, found[index]
        going = [at for at, index in enumerate(rows.indices) if index not in over]
        if not going:
            rows = None
            over.clear()
            continue
        places_free = len(over) >= LET_GO * len(rows.indices)
        if places_free:
            rows.keep(going)
            following = following[going]
            over.clear()
        with attending(settings, UNEQUAL_ROWS), naming(lambda: [tuple(prompts[index]) for index in rows.indices]):  # noqa: B023
            rows.go_on(loaded, following)


def _read_prompts(
    loaded: LoadedModel, prompts: Sequence[Sequence[int]], taken: Sequence[int], prefix: Prefix | None
) -> list[_Rows]:
    """The prompts that are `taken`, read by parts of like length."""
    device = loaded.placement.device
    shared = prefix.tokens if prefix else 0
    lengths = [len(prompt) - shared for prompt in prompts]
    found = []
    for part in split_by_budget(taken, lengths, loaded.placement.pass_tokens(READ)):
        ids, mask = _left_padded([prompts[index] for index in part], shared, loaded.tokenizer.pad_token_id)
        cache = prefix.for_rows(len(part)) if prefix else new_cache()
        positions = (mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        arguments = cache_argument(loaded.inner, cache) | last_logits(loaded.inner)
        given = {"input_ids": ids, "attention_mask": mask, "position_ids": positions}
        with naming(lambda: [tuple(prompts[index]) for index in part]):  # noqa: B023
            logits = loaded.model(**{name: tensor.to(device) for name, tensor in given.items()}, **arguments).logits
        found.append(_Rows(part, cache, mask.to(device), logits[:, -1]))
    return found


def _joined(parts: Sequence[_Rows]) -> _Rows:
    """All go on together: a step costs little more for many rows."""
    longest = max(part.mask.shape[1] for part in parts)
    return _Rows(
        [index for part in parts for index in part.indices],
        joined([part.cache for part in parts]),
        torch.cat([pad(part.mask, (longest - part.mask.shape[1], 0)) for part in parts]),
        torch.cat([part.logits for part in parts]),
    )


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
