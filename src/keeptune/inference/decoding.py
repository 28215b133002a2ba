"""Greedy decoding by torch: the fastest of three ways that a model allows, in batches that memory holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby

from keeptune.data.batching import split_by_budget
from keeptune.events import Observer
from keeptune.inference.cached_decoding import as_they_end, cached_decode, decodes_plainly
from keeptune.inference.engine import Request
from keeptune.inference.forward_greedy import forward_greedy
from keeptune.inference.in_batches import in_batches, in_flow
from keeptune.inference.transformers_decoding import transformers_decode
from keeptune.models.key_values import Prefix, by_opening, long_prefix, read_prefix
from keeptune.models.load import LoadedModel

Decode = partial[list[list[int]]]
"""Prompts, a number of new tokens, and perhaps a generator → the new ids of each, up to and with its end token."""
KEPT_FOR_ONE = 4
"""Tokens that are kept for one that is computed, at most: a computed one has its logits, too, and all between."""
KEPT_BYTES = 1 << 30
"""Of keys and values, beyond which no more rows are decoded beside each other than the budget says."""


def way_to_decode(loaded: LoadedModel, prompts: Sequence[Sequence[int]], longest: int) -> Decode:
    """The fastest of three ways to the same tokens that this model allows."""
    if loaded.soft_prompt:
        return partial(forward_greedy, loaded)
    if not decodes_plainly(loaded, longest):
        return partial(transformers_decode, loaded)
    shared = long_prefix([tuple(prompt) for prompt in prompts])
    return partial(cached_decode, loaded, prefix=read_prefix(loaded, prompts[0][:shared]) if shared else None)


def decode_each(loaded: LoadedModel, request: Request, observer: Observer) -> Iterator[tuple[int, list[int]]]:
    """Each prompt's index and its new tokens, those that begin alike together.

    Only keys and values are kept of most tokens that are decoded beside each other: up to `KEPT_FOR_ONE` times the
    token budget.
    """
    room, budget = request.max_new_tokens, request.token_budget
    longest = max((len(prompt) + room for prompt in request.prompts), default=0)
    for group in by_opening(request.prompts):
        prompts = [request.prompts[index] for index in group]
        decode = way_to_decode(loaded, prompts, longest)
        of_group = Request(prompts, room, budget)
        by = _decode_flowing if decode.func is cached_decode else decode_in_batches
        for at, ids in by(loaded, decode, of_group, observer):
            yield group[at], ids


def decode_in_batches(
    loaded: LoadedModel, decode: Decode, request: Request, observer: Observer
) -> Iterator[tuple[int, list[int]]]:
    """Each prompt's index and its new tokens, batch by batch."""

    def answer(part: list[int]) -> list[list[int]]:
        return decode([request.prompts[index] for index in part], request.max_new_tokens)

    split = _of_one_length if loaded.soft_prompt else split_by_budget
    for part, found in in_batches(answer, _lengths(request), request.token_budget, observer, split):
        yield from zip(part, found, strict=True)


def _decode_flowing(
    loaded: LoadedModel, decode: Decode, request: Request, observer: Observer
) -> Iterator[tuple[int, list[int]]]:
    prefix, prompts = decode.keywords["prefix"], request.prompts

    def flow(waiting: list[int], tokens: int) -> Iterator[tuple[int, list[int]]]:
        asked = [prompts[index] for index in waiting]
        return as_they_end(loaded, asked, request.max_new_tokens, prefix=prefix, at_once=tokens)

    times = _kept_for_one(prefix or read_prefix(loaded, prompts[0][:1]), request.token_budget)
    return in_flow(flow, _lengths(request), request.token_budget, observer, times)


def _lengths(request: Request) -> list[int]:
    return [len(prompt) + request.max_new_tokens for prompt in request.prompts]


def _kept_for_one(read: Prefix, token_budget: int) -> float:
    """Tokens to decode beside each other for each token of the budget: most of them are only kept, as keys and values,
    and a step costs little more for many rows."""
    return max(1.0, min(KEPT_FOR_ONE, KEPT_BYTES / (read.bytes_a_token * token_budget)))


def _of_one_length(rows: Sequence[int], lengths: Sequence[int], token_budget: int) -> list[list[int]]:
    """Soft prompts stand before any padding, and so at another distance from each prompt: no padding, then."""
    parts = split_by_budget(rows, lengths, token_budget)
    return [list(same) for part in parts for _, same in groupby(part, key=lambda index: lengths[index])]
