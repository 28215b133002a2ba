"""Text that a model writes of its own accord: drift on it needs no data.

Drawn from the model's own distribution (temperature 1, no top-p, no top-k). A chat model begins in the user's turn,
puts itself a question, and answers it (Xu et al. 2024, "Magpie", arXiv:2406.08464). Any other begins where a text
begins; an encoder-decoder answers the empty text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from keeptune.chat_template import UnusableTemplate, render_chat
from keeptune.data.encode import PROBE, Encoder, template_settings
from keeptune.errors import ModelError
from keeptune.inference.decoding import way_to_decode
from keeptune.models.load import LoadedModel
from keeptune.records import EncodedRow, Example

ROWS = 64
"""Texts drawn at a time."""
TOGETHER = 16_384
"""Tokens of prompts and answers drawn at a time: the keys and values of all of them are held."""
COUNTED = 512
"""Tokens of a prompt and its answer that are scored at most, the last ones: each has logits over the vocabulary."""


def sample_text(loaded: LoadedModel, count: int, max_new_tokens: int, seed: int) -> list[EncodedRow]:
    """`count` texts, with what was drawn, end tokens included, as the tokens to score.

    The same on the same machine for the same seed.

    Args:
        max_new_tokens: drawn tokens a text at most, as far as the model has positions; of a chat model's, the question
            gets half.
    """
    if loaded.soft_prompt:
        raise ModelError(
            f"{loaded.found.name} has an adapter with vectors of its own", "draw text from the base, without it"
        )
    generator = torch.Generator(loaded.placement.device).manual_seed(seed)
    encoder = Encoder(loaded.tokenizer, loaded.kind, loaded.context_length)
    rows: list[EncodedRow] = []
    while len(rows) < count:
        ids = [f"base-text-{len(rows) + at}" for at in range(min(ROWS, count - len(rows)))]
        if encoder.has_template:
            rows += _conversations(loaded, ids, max_new_tokens, generator)
        else:
            rows += _texts(loaded, encoder, ids, max_new_tokens, generator)
    return rows


def sample_answers(
    loaded: LoadedModel, prompts: Sequence[tuple[int, ...]], max_new_tokens: int, seed: int
) -> list[EncodedRow]:
    """Each of `prompts` (ids) with an answer, end token included. The tokens to score are the last `COUNTED` of it
    without what the chat template writes first; of an encoder-decoder, the answer alone."""
    generator = torch.Generator(loaded.placement.device).manual_seed(seed)
    encoder = Encoder(loaded.tokenizer, loaded.kind, loaded.context_length)
    opening = around_a_question(loaded)[0] if encoder.has_template else ()
    rows: list[EncodedRow] = []
    while len(rows) < len(prompts):
        asked = _together(prompts[len(rows) : len(rows) + ROWS], max_new_tokens)
        for prompt, new in zip(asked, draw(loaded, asked, max_new_tokens, generator), strict=True):
            row = _row(loaded, f"base-answer-{len(rows)}", prompt, new)
            first = len(opening) if prompt[: len(opening)] == opening else 0
            span = (max(first, 1, len(row.ids) - COUNTED), len(row.ids))
            rows.append(row if row.targets else replace(row, spans=(span,)))
    return rows


def _together(prompts: Sequence[tuple[int, ...]], max_new_tokens: int) -> list[tuple[int, ...]]:
    """The first of `prompts` that are answered beside each other: one at least."""
    longest = 0
    for count, prompt in enumerate(prompts):
        longest = max(longest, len(prompt) + max_new_tokens)
        if count and longest * (count + 1) > TOGETHER:
            return list(prompts[:count])
    return list(prompts)


def _row(loaded: LoadedModel, name: str, prompt: tuple[int, ...], new: tuple[int, ...]) -> EncodedRow:
    if loaded.kind == "encoder-decoder":
        return EncodedRow(name, prompt, new, ((0, len(new)),), 0)
    return EncodedRow(name, prompt + new, (), ((len(prompt), len(prompt) + len(new)),), 0)


def _texts(
    loaded: LoadedModel, encoder: Encoder, ids: list[str], room: int, generator: torch.Generator
) -> list[EncodedRow]:
    start, _ = encoder.prompt(Example("", (), ""))
    room = min(room, loaded.context_length - len(start))
    drawn = draw(loaded, [start] * len(ids), room, generator)
    return [_row(loaded, name, start, new) for name, new in zip(ids, drawn, strict=True)]


def _conversations(loaded: LoadedModel, ids: list[str], room: int, generator: torch.Generator) -> list[EncodedRow]:
    """A question drawn in the user's turn, and its answer; a question that takes its half goes on into the other."""
    start, between = around_a_question(loaded)
    room = min(room, loaded.context_length - len(start) - len(between))
    ends = set(loaded.end_ids())
    questions = draw(loaded, [start] * len(ids), max(room // 2, 1), generator)
    asked: list[tuple[int, ...]] = []
    for question in questions:
        ended = question[-1] in ends
        # The end token is drawn already, where it is what the template writes, too.
        rest = between[1:] if between[:1] == question[-1:] else between
        asked.append((*start, *question, *rest) if ended else (*start, *question))
    answers = draw(loaded, asked, room - max(room // 2, 1), generator)
    rows = []
    for name, question, before, answer in zip(ids, questions, asked, answers, strict=True):
        spans = [(len(start), len(start) + len(question)), (len(before), len(before) + len(answer))]
        rows.append(EncodedRow(name, before + answer, (), tuple(spans), 0))
    return rows


def around_a_question(loaded: LoadedModel) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What the chat template writes before a user's words, and between them and the answer."""
    turns = [{"role": "user", "content": PROBE}]
    try:
        text = render_chat(loaded.tokenizer, turns, add_generation_prompt=True, **template_settings(loaded.tokenizer))
    except UnusableTemplate as error:
        fix = "correct chat_template in its tokenizer_config.json, or use another model"
        raise ModelError(f"the chat template of {loaded.found.name} refuses a single question: {error}", fix) from error
    before, _, after = text.partition(PROBE)
    first, second = (loaded.tokenizer(part, add_special_tokens=False)["input_ids"] for part in (before, after))
    return tuple(first), tuple(second)


def draw(
    loaded: LoadedModel, prompts: list[tuple[int, ...]], room: int, generator: torch.Generator
) -> list[tuple[int, ...]]:
    """Drawn tokens of each prompt, up to and with the end token."""
    if room < 1:
        return [()] * len(prompts)
    ends = set(loaded.end_ids())
    decode = way_to_decode(loaded, prompts, max(map(len, prompts)) + room)
    drawn = decode(prompts, room, generator)
    stops = [next((at + 1 for at, token in enumerate(row) if token in ends), len(row)) for row in drawn]
    return [tuple(row[:stop]) for row, stop in zip(drawn, stops, strict=True)]
