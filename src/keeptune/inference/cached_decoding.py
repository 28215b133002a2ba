"""Decoding that goes on from a shared prefix, and gives the places of finished rows to those that wait.

transformers' `generate` reads a prefix once a row, and carries every row on until the last one ends. The arithmetic
of a step is the same here, so the greedy tokens are, but for ties within rounding.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import torch
from transformers import GenerationMixin

from keeptune.inference.answer_rows import AnswerRows, joined_rows, read_prompts
from keeptune.models.attending import attending, sdpa_settings
from keeptune.models.finite import naming
from keeptune.models.key_values import Prefix, no_full_attention
from keeptune.models.load import LoadedModel
from keeptune.models.unequal_rows import NAME as UNEQUAL_ROWS

LET_GO = 0.25
"""Share of the rows that must be finished before the rest is moved together, and others take their places."""


def decodes_plainly(loaded: LoadedModel, longest: int) -> bool:
    """Whether a step of this model needs no more than tokens, mask, positions and a cache."""
    own = type(loaded.inner).prepare_inputs_for_generation
    return own is GenerationMixin.prepare_inputs_for_generation and not no_full_attention(loaded, longest)


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
    rows: AnswerRows | None = None
    over: set[int] = set()
    places_free = True
    while rows or waiting:
        if rows is None or (waiting and places_free):
            held = rows.indices if rows else []
            longest = max(len(prompts[index]) for index in (*held, waiting[0])) + max_new_tokens
            room = len(waiting) if at_once is None else max(at_once // longest - len(held), not held)
            taken = [waiting.popleft() for _ in range(min(room, len(waiting)))]
            read = read_prompts(loaded, {index: prompts[index] for index in taken}, prefix)
            rows = joined_rows([*([rows] if rows else []), *read])
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


def _next(logits: torch.Tensor, generator: torch.Generator | None) -> torch.Tensor:
    if generator is None:
        return logits.argmax(dim=-1)
    return torch.multinomial(logits.softmax(dim=-1), 1, generator=generator)[:, 0]
