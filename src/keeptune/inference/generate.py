"""Batched greedy generation, the same for every model: its own sampling defaults and penalties are set aside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

import torch

from keeptune.data.batching import split_by_budget
from keeptune.data.encode import Encoder
from keeptune.errors import ConfigError
from keeptune.events import Notice, Observer, silent
from keeptune.inference.cached_decoding import as_they_end, cached_decode, decodes_plainly
from keeptune.inference.forward_greedy import forward_greedy
from keeptune.inference.in_batches import in_batches, in_flow
from keeptune.inference.transformers_decoding import transformers_decode
from keeptune.inference.vllm_engine import vllm_decode
from keeptune.models.key_values import Prefix, by_opening, long_prefix, read_prefix
from keeptune.models.load import LoadedModel
from keeptune.records import Example, Finish
from keeptune.workspace.growing_file import GrowingFile

Decode = partial[list[list[int]]]
"""Prompts, a number of new tokens, and perhaps a generator → the new ids of each, up to and with its end token."""
NEUTRAL: dict[str, Any] = {
    "do_sample": False,
    "num_beams": 1,
    "temperature": 1.0,
    "top_p": 1.0,
    "top_k": 50,
    "repetition_penalty": 1.0,
    "encoder_repetition_penalty": 1.0,
    "length_penalty": 1.0,
    "no_repeat_ngram_size": 0,
    "min_length": 0,
    "min_new_tokens": None,
    "bad_words_ids": None,
    "suppress_tokens": None,
    "begin_suppress_tokens": None,
    "forced_bos_token_id": None,
    "forced_eos_token_id": None,
}
"""What plain greedy decoding means, setting by setting."""
KEPT_FOR_ONE = 4
"""Tokens that are kept for one that is computed, at most: a computed one has its logits, too, and all between."""
KEPT_BYTES = 1 << 30
"""Of keys and values, beyond which no more rows are decoded beside each other than the budget says."""
VLLM_AT_ONCE = 2048
"""Prompts that vLLM is given at once: its answers come when the last of them is done."""


@dataclass(frozen=True, slots=True)
class Generated:
    """One answer."""

    text: str
    tokens: int
    """New tokens, the end token not counted."""
    finish: Finish


def set_aside(loaded: LoadedModel) -> dict[str, Any]:
    """The model's own generation settings that greedy decoding does not use, name → value."""
    own = loaded.inner.generation_config
    return {
        name: getattr(own, name) for name, neutral in NEUTRAL.items() if getattr(own, name, None) not in (neutral, None)
    }


def fitting_prompts(
    loaded: LoadedModel, encoder: Encoder, examples: Sequence[Example], max_new_tokens: int, observer: Observer
) -> list[tuple[int, ...]]:
    """The ids of each prompt, with room left for its answer; what is cut for that is told.

    Raises:
        ConfigError: the model's positions do not hold even the answer.
    """
    room = loaded.context_length - loaded.soft_prompt - max_new_tokens
    if room < 1:
        raise ConfigError(
            f"answers of {max_new_tokens} tokens leave no room for a prompt in the model's "
            f"{loaded.context_length} positions",
            f"use --max-new-tokens {max((loaded.context_length - loaded.soft_prompt) // 4, 1)}",
        )
    limit = min(encoder.max_length, room)
    found = [encoder.prompt(example, limit) for example in examples]
    cut = [(example, tokens) for example, (_, tokens) in zip(examples, found, strict=True) if tokens]
    if cut:
        observer(
            Notice(
                "truncated",
                f"{len(cut)} of {len(found)} prompts are longer than {limit} tokens; "
                f"{sum(tokens for _, tokens in cut)} tokens cut from their middle (first: {cut[0][0].id})",
            )
        )
    return [ids for ids, _ in found]


@torch.inference_mode()
def generate(
    loaded: LoadedModel,
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    token_budget: int,
    progress: Callable[[int], None] = lambda _: None,
    observer: Observer = silent,
) -> list[Generated]:
    """The greedy answer to each prompt, in the order given.

    Args:
        prompts: token ids, ready for an answer to follow.
        token_budget: tokens a batch at most, padding and the answers' room counted; up to `KEPT_FOR_ONE` times that
            where only keys and values are kept of them.
        progress: told how many prompts are answered.
        observer: told where memory runs out.
    """
    found = dict(generate_each(loaded, prompts, max_new_tokens, token_budget, progress, observer))
    return [found[index] for index in range(len(prompts))]


@torch.inference_mode()
def generate_each(
    loaded: LoadedModel,
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    token_budget: int,
    progress: Callable[[int], None] = lambda _: None,
    observer: Observer = silent,
) -> Iterator[tuple[int, Generated]]:
    """As `generate`: each prompt's index and its answer, as they are made."""
    if loaded.engine == "vllm":
        for start in range(0, len(prompts), VLLM_AT_ONCE):
            part = prompts[start : start + VLLM_AT_ONCE]
            for at, ids in enumerate(vllm_decode(loaded, part, max_new_tokens, lambda _: None), start):
                yield at, _read(loaded, ids)
            progress(start + len(part))
        return
    longest = max((len(prompt) + max_new_tokens for prompt in prompts), default=0)
    done = 0
    for group in by_opening(prompts):
        asked = [prompts[index] for index in group]
        decode = way_to_decode(loaded, asked, longest)
        for at, ids in _decoded(loaded, decode, asked, max_new_tokens, token_budget, observer):
            done += 1
            yield group[at], _read(loaded, ids)
            progress(done)


def generate_kept(
    loaded: LoadedModel,
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    token_budget: int,
    kept: GrowingFile | None,
    progress: Callable[[int], None] = lambda _: None,
    observer: Observer = silent,
) -> list[Generated]:
    """As `generate`: each answer is kept as it is made, by its prompt's place, and what is kept is not made again."""
    found = {int(place): Generated(**record) for place, record in kept.records.items()} if kept else {}
    left = [place for place in range(len(prompts)) if place not in found]
    before = len(prompts) - len(left)
    asked = [prompts[place] for place in left]
    for index, answer in generate_each(
        loaded, asked, max_new_tokens, token_budget, lambda done: progress(before + done), observer
    ):
        found[left[index]] = answer
        if kept:
            kept.add(str(left[index]), {"text": answer.text, "tokens": answer.tokens, "finish": answer.finish})
    return [found[place] for place in range(len(prompts))]


def _decoded(
    loaded: LoadedModel,
    decode: Decode,
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    token_budget: int,
    observer: Observer,
) -> Iterator[tuple[int, list[int]]]:
    """Each prompt's index and its new tokens."""
    lengths = [len(prompt) + max_new_tokens for prompt in prompts]
    if decode.func is cached_decode:
        prefix = decode.keywords["prefix"]

        def flow(waiting: list[int], tokens: int) -> Iterator[tuple[int, list[int]]]:
            asked = [prompts[index] for index in waiting]
            return as_they_end(loaded, asked, max_new_tokens, prefix=prefix, at_once=tokens)

        times = _kept_for_one(prefix or read_prefix(loaded, prompts[0][:1]), token_budget)
        yield from in_flow(flow, lengths, token_budget, observer, times)
        return

    def answer(part: list[int]) -> list[list[int]]:
        return decode([prompts[index] for index in part], max_new_tokens)

    split = _of_one_length if loaded.soft_prompt else split_by_budget
    for part, found in in_batches(answer, lengths, token_budget, observer, split):
        yield from zip(part, found, strict=True)


def way_to_decode(loaded: LoadedModel, prompts: Sequence[Sequence[int]], longest: int) -> Decode:
    """The fastest of three ways to the same tokens that this model allows."""
    if loaded.soft_prompt:
        return partial(forward_greedy, loaded)
    if not decodes_plainly(loaded, longest):
        return partial(transformers_decode, loaded)
    shared = long_prefix([tuple(prompt) for prompt in prompts])
    return partial(cached_decode, loaded, prefix=read_prefix(loaded, prompts[0][:shared]) if shared else None)


def _kept_for_one(read: Prefix, token_budget: int) -> float:
    """Tokens to decode beside each other for each token of the budget: most of them are only kept, as keys and values,
    and a step costs little more for many rows."""
    return max(1.0, min(KEPT_FOR_ONE, KEPT_BYTES / (read.bytes_a_token * token_budget)))


def _of_one_length(rows: Sequence[int], lengths: Sequence[int], token_budget: int) -> list[list[int]]:
    """Soft prompts stand before any padding, and so at another distance from each prompt: no padding, then."""
    parts = split_by_budget(rows, lengths, token_budget)
    return [list(same) for part in parts for _, same in groupby(part, key=lambda index: lengths[index])]


def _read(loaded: LoadedModel, ids: list[int]) -> Generated:
    ends = set(loaded.end_ids())
    stop = next((position for position, token in enumerate(ids) if token in ends), None)
    kept = ids if stop is None else ids[:stop]
    text = loaded.tokenizer.decode(kept, skip_special_tokens=True).strip()
    return Generated(text, len(kept), "length" if stop is None else "stop")
