"""Greedy answers to prompts, the same for every model: its own sampling defaults and penalties are set aside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from keeptune.data.encode import Encoder
from keeptune.errors import ConfigError
from keeptune.events import Notice, Observer, silent
from keeptune.inference.encoding import tell_control_tokens
from keeptune.inference.engine import Progress, Request, engine_of
from keeptune.models.load import LoadedModel
from keeptune.records import Example, Finish
from keeptune.workspace.growing_file import GrowingFile

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
    loaded: LoadedModel,
    encoder: Encoder,
    examples: Sequence[Example],
    max_new_tokens: int,
    observer: Observer,
    flag: str = "--max-new-tokens",
) -> list[tuple[int, ...]]:
    """The ids of each prompt, with room left for its answer; what is cut for that is told.

    Args:
        flag: what sets `max_new_tokens`.

    Raises:
        ConfigError: the model's positions do not hold even the answer.
    """
    room = loaded.context_length - loaded.soft_prompt - max_new_tokens
    if room < 1:
        raise ConfigError(
            f"answers of {max_new_tokens} tokens leave no room for a prompt in the model's "
            f"{loaded.context_length} positions",
            f"use {flag} {max((loaded.context_length - loaded.soft_prompt) // 4, 1)}",
        )
    limit = min(encoder.max_length, room)
    found = [encoder.prompt(example, limit) for example in examples]
    tell_control_tokens(encoder, examples, "prompts", observer)
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


def generate(
    loaded: LoadedModel,
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    token_budget: int,
    progress: Progress = lambda _: None,
    observer: Observer = silent,
) -> list[Generated]:
    """The greedy answer to each prompt, in the order given.

    Args:
        prompts: token ids, ready for an answer to follow.
        token_budget: tokens a batch at most, padding and the answers' room counted.
        progress: called with the number of prompts that are answered.
        observer: told where memory runs out.
    """
    found = dict(_generate_each(loaded, Request(prompts, max_new_tokens, token_budget), progress, observer))
    return [found[index] for index in range(len(prompts))]


def generate_kept(
    loaded: LoadedModel,
    request: Request,
    kept: GrowingFile | None,
    progress: Progress = lambda _: None,
    observer: Observer = silent,
) -> list[Generated]:
    """As `generate`: each answer is kept as it is made, by its prompt's place, and what is kept is not made again."""
    found = {int(place): Generated(**record) for place, record in kept.records.items()} if kept else {}
    left = [place for place in range(len(request.prompts)) if place not in found]
    before = len(request.prompts) - len(left)
    asked = replace(request, prompts=[request.prompts[place] for place in left])
    for index, answer in _generate_each(loaded, asked, lambda done: progress(before + done), observer):
        found[left[index]] = answer
        if kept:
            kept.add(str(left[index]), {"text": answer.text, "tokens": answer.tokens, "finish": answer.finish})
    return [found[place] for place in range(len(request.prompts))]


def _generate_each(
    loaded: LoadedModel, request: Request, progress: Progress, observer: Observer
) -> Iterator[tuple[int, Generated]]:
    for index, ids in engine_of(loaded).generate(loaded, request, progress, observer):
        yield index, _read(loaded, ids)


def _read(loaded: LoadedModel, ids: list[int]) -> Generated:
    ends = set(loaded.end_ids())
    stop = next((position for position, token in enumerate(ids) if token in ends), None)
    kept = ids if stop is None else ids[:stop]
    text = loaded.tokenizer.decode(kept, skip_special_tokens=True).strip()
    return Generated(text, len(kept), "length" if stop is None else "stop")
