"""Prompts that are answered beside each other, token by token: rows can join, and rows can leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import pad
from transformers.cache_utils import DynamicCache

from keeptune.data.batching import split_by_budget
from keeptune.models.finite import naming
from keeptune.models.key_values import Prefix, cache_argument, joined, last_logits, new_cache, selected
from keeptune.models.load import LoadedModel

READ = 4096
"""Tokens of prompts that are read at once."""


@dataclass(slots=True)
class AnswerRows:
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
        # A row that has ended at the model's last position is carried on until its place is given away.
        positions = (self.mask.sum(1, keepdim=True) - 1).clamp(max=loaded.context_length - 1)
        arguments = cache_argument(loaded.inner, self.cache) | last_logits(loaded.inner)
        ids = tokens[:, None]
        found = loaded.model(input_ids=ids, attention_mask=self.mask, position_ids=positions, **arguments)
        self.logits = found.logits[:, -1]


def read_prompts(
    loaded: LoadedModel, prompts: Mapping[int, Sequence[int]], prefix: Prefix | None = None
) -> list[AnswerRows]:
    """The prompts by index, read by parts of like length; all begin with the prefix."""
    device = loaded.placement.device
    shared = prefix.tokens if prefix else 0
    indices = list(prompts)
    lengths = [len(prompts[index]) - shared for index in indices]
    found = []
    for places in split_by_budget(range(len(indices)), lengths, loaded.placement.pass_tokens(READ)):
        part = [indices[place] for place in places]
        ids, mask = _left_padded([prompts[index] for index in part], shared, loaded.tokenizer.pad_token_id)
        cache = prefix.for_rows(len(part)) if prefix else new_cache()
        positions = (mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        arguments = cache_argument(loaded.inner, cache) | last_logits(loaded.inner)
        given = {"input_ids": ids, "attention_mask": mask, "position_ids": positions}
        with naming(lambda: [tuple(prompts[index]) for index in part]):  # noqa: B023
            logits = loaded.model(**{name: tensor.to(device) for name, tensor in given.items()}, **arguments).logits
        found.append(AnswerRows(part, cache, mask.to(device), logits[:, -1]))
    return found


def joined_rows(parts: Sequence[AnswerRows]) -> AnswerRows:
    """All go on together: a step costs little more for many rows."""
    longest = max(part.mask.shape[1] for part in parts)
    return AnswerRows(
        [index for part in parts for index in part.indices],
        joined([part.cache for part in parts]),
        torch.cat([pad(part.mask, (longest - part.mask.shape[1], 0)) for part in parts]),
        torch.cat([part.logits for part in parts]),
    )


def _left_padded(prompts: Sequence[Sequence[int]], shared: int, pad_id: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids of what follows the shared tokens, [rows, length], and the mask over both, [rows, shared + length]."""
    longest = max(len(prompt) for prompt in prompts)
    ids = torch.tensor([[pad_id] * (longest - len(prompt)) + list(prompt[shared:]) for prompt in prompts])
    mask = torch.tensor([[1] * shared + [0] * (longest - len(p)) + [1] * (len(p) - shared) for p in prompts])
    return ids, mask
