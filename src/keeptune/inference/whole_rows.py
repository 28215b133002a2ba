"""Prompts that are answered beside each other by a model that allows no cache of ours: each token reads its row anew.

Slower, and right for every architecture: encoder-decoders, soft prompts, states, windows of attention.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from keeptune.models.batch import decoder_start
from keeptune.models.finite import naming
from keeptune.models.key_values import last_logits
from keeptune.models.load import LoadedModel


@dataclass(slots=True)
class WholeRows:
    """As `AnswerRows`, without keys and values."""

    prompts: dict[int, Sequence[int]]
    logits: torch.Tensor
    """Of each row's next token: [rows, vocabulary]."""
    _new: dict[int, list[int]] = field(default_factory=dict)

    @property
    def indices(self) -> list[int]:
        return list(self.prompts)

    def keep(self, places: list[int]) -> None:
        """These rows alone; their logits are to follow."""
        kept = [self.indices[at] for at in places]
        self.prompts = {index: self.prompts[index] for index in kept}
        self._new = {index: new for index, new in self._new.items() if index in self.prompts}

    def go_on(self, loaded: LoadedModel, tokens: torch.Tensor) -> None:
        """By one token each: [rows]."""
        for index, token in zip(self.indices, tokens.tolist(), strict=True):
            self._new.setdefault(index, []).append(token)
        self.logits = torch.cat([_logits(loaded, prompt, self._new[index]) for index, prompt in self.prompts.items()])


def read_whole(loaded: LoadedModel, prompts: Mapping[int, Sequence[int]]) -> WholeRows:
    """The prompts by index."""
    return WholeRows(dict(prompts), torch.cat([_logits(loaded, prompt, []) for prompt in prompts.values()]))


def joined_whole(first: WholeRows, second: WholeRows) -> WholeRows:
    """Both go on together."""
    logits = torch.cat([first.logits, second.logits])
    return WholeRows(first.prompts | second.prompts, logits, first._new | second._new)


def _logits(loaded: LoadedModel, prompt: Sequence[int], new: Sequence[int]) -> torch.Tensor:
    """Of the token after these: [1, vocabulary]."""
    device = loaded.placement.device
    with naming(lambda: [tuple(prompt)]):
        if loaded.kind == "encoder-decoder":
            ids = torch.tensor([list(prompt)], device=device)
            answer = torch.tensor([[decoder_start(loaded.inner), *new]], device=device)
            found = loaded.model(input_ids=ids, decoder_input_ids=answer)
        else:
            ids = torch.tensor([[*prompt, *new]], device=device)
            found = loaded.model(input_ids=ids, use_cache=False, **last_logits(loaded.inner))
    logits: torch.Tensor = found.logits[:, -1]
    return logits
