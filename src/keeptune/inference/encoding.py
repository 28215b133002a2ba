"""The encoder of a model, and how many tokens its rows and answers take. No weights are loaded here."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from keeptune.config.schema import DataConfig, EvaluationConfig, Method, ModelConfig
from keeptune.data.encode import Encoder
from keeptune.data.token_lengths import CountTokens
from keeptune.errors import ConfigError
from keeptune.events import Notice, Observer
from keeptune.models.adapters import virtual_tokens
from keeptune.models.architecture import vocabulary_size
from keeptune.models.tokenizer import load_tokenizer
from keeptune.records import EncodedRow, Example

MAX_LENGTH = 2048

NEW_TOKENS = (16, 512)

WHAT_IS_CUT = {
    "last": "the middle of prompts, and the end of answers that alone are too long",
    "all": "the oldest turns, the middle of the last prompt, and the end of answers that alone are too long",
}


def make_encoder(model: ModelConfig, data: DataConfig, method: Method | None = None) -> Encoder:
    """The encoder for this model, its tokenizer loaded but not its weights.

    Args:
        method: what it is to be trained by, whose own vectors take positions perhaps.
    """
    tokenizer, kind, context = load_tokenizer(model)
    context -= virtual_tokens(method)
    limit = min(data.max_length or MAX_LENGTH, context)
    if data.max_length is not None and data.max_length > context:
        raise ConfigError(
            f"max_length {data.max_length} is more than the {context} positions of {model.name}",
            f"use {context} or less",
        )
    return Encoder(tokenizer, kind, limit, data.too_long, data.loss_on, vocabulary_size(model))


def encode_train(encoder: Encoder, examples: Sequence[Example], observer: Observer) -> list[EncodedRow]:
    """Encoded rows, with what was cut or dropped, and control tokens in texts told: never silently."""
    rows = encoder.rows(examples)
    tell_control_tokens(encoder, examples, "train rows", observer)
    cut = [row for row in rows if row.cut]
    if cut:
        tokens = sum(row.cut for row in cut)
        observer(
            Notice(
                "truncated",
                f"{len(cut)} of {len(rows)} train rows are longer than {encoder.max_length} tokens; "
                f"{tokens} tokens cut: {WHAT_IS_CUT[encoder.loss_on]} (first: {cut[0].item_id})",
            )
        )
    if len(rows) < len(examples):
        observer(Notice("dropped", f"{len(examples) - len(rows)} train rows longer than {encoder.max_length} left out"))
    return rows


def tell_control_tokens(encoder: Encoder, examples: Sequence[Example], what: str, observer: Observer) -> None:
    """Tell of texts that hold the model's control tokens, by which they can end a turn or begin another."""
    if found := [(example.id, tokens) for example in examples if (tokens := encoder.control_tokens(example))]:
        first, tokens = found[0]
        observer(
            Notice(
                "control-tokens",
                f"{len(found)} of {len(examples)} {what} hold control tokens of the model, which are read as such and "
                f"not as text: {', '.join(tokens[:3])} (first: {first}); remove them where they are not meant",
            )
        )


def new_tokens(evaluation: EvaluationConfig, encoder: Encoder, examples: Sequence[Example]) -> int:
    """Room for an answer: as asked, or half as much again as the longest completion among `examples`; beyond the most
    that is given so, enough for the longest."""
    if evaluation.max_new_tokens is not None:
        return evaluation.max_new_tokens
    longest = max((len(encoder.completion(e, e.completion)) for e in examples), default=0)
    most = max(NEW_TOKENS[1], min(longest + NEW_TOKENS[0], 3 * encoder.max_length // 4))
    return min(max(round(1.5 * longest), NEW_TOKENS[0]), most)


def token_counter(encoder: Encoder) -> CountTokens:
    """Counts the tokens of examples before anything is cut."""
    whole = dataclasses.replace(encoder, max_length=1 << 30)

    def count(examples: Sequence[Example]) -> list[tuple[int, int]]:
        return [(len(whole.prompt(e)[0]), len(whole.completion(e, e.completion))) for e in examples]

    return count
