"""Decoding by transformers' own `generate`, for every model that it can run."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from keeptune.models.batch import decoder_start
from keeptune.models.finite import naming
from keeptune.models.load import LoadedModel


@torch.inference_mode()
def transformers_decode(
    loaded: LoadedModel,
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    generator: torch.Generator | None = None,
) -> list[list[int]]:
    """The new tokens of each prompt, up to and with its end token; padding may follow.

    Args:
        generator: draws from the model's own distribution; without it the likeliest token is taken.
    """
    from transformers import GenerationConfig

    own = loaded.inner.generation_config
    two_sided = loaded.kind == "encoder-decoder"
    pad = loaded.tokenizer.pad_token_id
    neutral = GenerationConfig(  # type: ignore[no-untyped-call]
        max_new_tokens=max_new_tokens,
        eos_token_id=list(loaded.end_ids()),
        pad_token_id=pad,
        bos_token_id=own.bos_token_id,
        decoder_start_token_id=decoder_start(loaded.inner) if two_sided else None,
        num_beams=1,
        **({"do_sample": False} if generator is None else {"do_sample": True, "top_k": 0, "top_p": 1.0}),
    )
    longest = max(len(prompt) for prompt in prompts)
    ids = torch.tensor([[pad] * (longest - len(prompt)) + list(prompt) for prompt in prompts])
    mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    if two_sided:
        # Relative positions count from the left, so an encoder's input is padded on the right.
        ids = torch.tensor([list(prompt) + [pad] * (longest - len(prompt)) for prompt in prompts])
        mask = mask.flip(1)
    device = loaded.placement.device
    # `generate` fills what a given config leaves open from the model's own; so that one is replaced.
    loaded.inner.generation_config = neutral
    try:
        with torch.random.fork_rng(), naming(lambda: [tuple(prompt) for prompt in prompts]):
            if generator is not None:
                # `generate` draws from the global generators only.
                torch.manual_seed(int(torch.randint(1 << 62, (), generator=generator, device=device)))
            output = loaded.model.generate(
                input_ids=ids.to(device), attention_mask=mask.to(device), generation_config=neutral
            )
    finally:
        loaded.inner.generation_config = own
    found: list[list[int]] = output[:, 1 if two_sided else longest :].tolist()
    return found
