"""Greedy decoding by whole forward passes, for soft prompts.

`generate` of peft 0.21 on transformers 5 puts the tokens after the first at wrong positions when an adapter brings
vectors of its own (prompt and prefix tuning), so that a model answers otherwise than it was trained to. A forward
pass is the one that training used. Slower, as nothing is cached.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from keeptune.models.batch import decoder_start
from keeptune.models.finite import naming
from keeptune.models.key_values import last_logits
from keeptune.models.load import LoadedModel


@torch.inference_mode()
def forward_greedy(loaded: LoadedModel, prompts: Sequence[Sequence[int]], max_new_tokens: int) -> list[list[int]]:
    """The new tokens of each prompt, up to and with its end token. The prompts are of one length."""
    device = loaded.placement.device
    ids = torch.tensor([list(prompt) for prompt in prompts], device=device)
    ends = torch.tensor(loaded.end_ids(), device=device)
    two_sided = loaded.kind == "encoder-decoder"
    start = decoder_start(loaded.inner) if two_sided else 0
    new = torch.full((len(prompts), 1 if two_sided else 0), start, dtype=torch.long, device=device)
    first = new.shape[1]
    ended = torch.zeros(len(prompts), dtype=torch.bool, device=device)
    while new.shape[1] < first + max_new_tokens and not bool(ended.all()):
        with naming(lambda: [tuple(prompt) for prompt in prompts]):
            if two_sided:
                logits = loaded.model(input_ids=ids, decoder_input_ids=new).logits
            else:
                given = torch.cat([ids, new], dim=1)
                logits = loaded.model(input_ids=given, use_cache=False, **last_logits(loaded.inner)).logits
        following = logits[:, -1].argmax(dim=-1)
        new = torch.cat([new, following[:, None]], dim=1)
        ended |= torch.isin(following, ends)
    return [row[first:] for row in new.tolist()]
