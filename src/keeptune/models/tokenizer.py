"""Load a model's tokenizer, and find the token that ends an answer in its chat template."""

from __future__ import annotations

import json
import math
from functools import lru_cache
from pathlib import Path
from typing import Any

from keeptune.chat_template import UnusableTemplate, render_chat
from keeptune.config.schema import ModelConfig
from keeptune.errors import ModelError, first_line
from keeptune.models.architecture import Kind, hub_arguments, kind_and_context
from keeptune.models.find import FoundModel, find_model

MOST_GROWTH = 1_000
"""Characters that a tokenizer may put for one. Real ones put one or two."""
PROBE = "keeptune☃answer☃probe"
"""Placeholder for an answer, to find what a chat template writes after it."""


def load_tokenizer(config: ModelConfig) -> tuple[Any, Kind, int]:
    """Tokenizer, kind and context length without the weights, for `check`."""
    kind, context = kind_and_context(config)
    return tokenizer_of(find_model(config), config), kind, context


def tokenizer_of(found: FoundModel, config: ModelConfig) -> Any:
    """The tokenizer of a model, or of its adapter where that brings its own."""
    from transformers import AutoTokenizer

    own = found.adapter is not None and (Path(found.adapter) / "tokenizer_config.json").exists()
    file = Path(str(found.adapter) if own else found.source) / "tokenizer.json"
    if file.is_file() and (part := _growing_part(file, file.stat().st_mtime_ns)):
        told = f"the {part} in {file} can make a character into more than {MOST_GROWTH:,}"
        raise ModelError(told, "use another tokenizer")
    try:
        if own:
            # An adapter's folder has the tokenizer and the chat template of its training.
            tokenizer = AutoTokenizer.from_pretrained(found.adapter, trust_remote_code=config.allow_remote_code)
        else:
            tokenizer = AutoTokenizer.from_pretrained(found.source, **hub_arguments(found, config))
    except Exception as error:
        raise ModelError(
            f"the tokenizer of {found.adapter if own else found.name} cannot be loaded: {first_line(error)}",
            "put the tokenizer's files next to the weights (`tokenizer.save_pretrained`)",
        ) from error
    if tokenizer.eos_token_id is None:
        raise ModelError(
            f"the tokenizer of {found.name} has no end token, so an answer could never end",
            "set eos_token in its tokenizer_config.json",
        )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


@lru_cache
def _growing_part(file: Path, written: int) -> str:  # noqa: ARG001 - another content is read again
    """The part of a tokenizer that makes a character into more than `MOST_GROWTH`; "" if none does. It must be known
    before the file is loaded, where tokens pass through it."""
    try:
        steps = json.loads(file.read_bytes())
        parts = ("normalizer", "pre_tokenizer", "decoder")
        return next((part for part in parts if _growth(steps.get(part)) > MOST_GROWTH), "")
    except (ValueError, AttributeError, RecursionError):
        # Loading it says why it cannot be read.
        return ""


def _growth(step: Any) -> int:
    """How many characters the replacements of a step, one after the other, make of one at most."""
    if isinstance(step, list):
        return math.prod(map(_growth, step))
    if not isinstance(step, dict):
        return 1
    put = step.get("content", step.get("prepend"))
    own = len(put) if isinstance(put, str) else 1
    return max(own, 1) * math.prod(_growth(inner) for inner in step.values() if isinstance(inner, list))


def turn_end(tokenizer: Any) -> int | None:
    """The first special token that the chat template writes after an answer."""
    if not getattr(tokenizer, "chat_template", None):
        return None
    turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": PROBE}]
    try:
        text = render_chat(tokenizer, turns)
    except UnusableTemplate:
        # It is told where the template is asked for a row.
        return None
    after = tokenizer(text.rpartition(PROBE)[2], add_special_tokens=False)["input_ids"]
    special = set(tokenizer.all_special_ids)
    return next((token for token in after if token in special), None)
