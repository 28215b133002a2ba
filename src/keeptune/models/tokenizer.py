"""Load a model's tokenizer, and find the token that ends an answer in its chat template."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from keeptune.chat_template import UnusableTemplate, render_chat
from keeptune.config.schema import ModelConfig
from keeptune.errors import ModelError, first_line
from keeptune.models.architecture import Kind, hub_arguments, kind_and_context
from keeptune.models.find import FoundModel, find_model
from keeptune.workspace.hashing import hash_files

MOST_GROWTH = 1_000
"""Characters that a tokenizer may put for one. Real ones put one or two."""
MOST_HELD = 1_000_000
"""Tokens of all the tokenizers that are held for models to come, with `WORDS` of each."""
WORDS = 10_000
"""That a tokenizer keeps the tokens of, once it has seen them."""
PROBE = "keeptune☃answer☃probe"
"""Placeholder for an answer, to find what a chat template writes after it."""
_OTHER = ("", ".bin", ".gguf", ".h5", ".md", ".msgpack", ".onnx", ".pt", ".pth", ".safetensors")
"""Suffixes of weights, and of what people read."""
_SHARED: dict[tuple[str, bool], Any] = {}


def load_tokenizer(config: ModelConfig) -> tuple[Any, Kind, int]:
    """Tokenizer, kind and context length without the weights, for `check`."""
    kind, context = kind_and_context(config)
    return tokenizer_of(find_model(config), config), kind, context


def tokenizer_of(found: FoundModel, config: ModelConfig) -> Any:
    """The tokenizer of a model, or of its adapter where that brings its own. Models with the same files share it."""
    # An adapter's folder has the tokenizer and the chat template of its training.
    own = found.adapter is not None and (Path(found.adapter) / "tokenizer_config.json").exists()
    name = str(found.adapter) if own else found.source
    try:
        if own or found.local:
            tokenizer = _of_folder(Path(name), config.allow_remote_code)
        else:
            tokenizer = _loaded(name, **hub_arguments(found, config))
    except ModelError:
        raise
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


def _of_folder(folder: Path, remote_code: bool) -> Any:
    """The tokenizer of a folder, or that of another folder with the same files. A run asks for it a dozen times, and
    what tokenizers 0.23 keeps of the words that one has seen is never freed. The one last asked for
    stays longest."""
    key = (_content(folder), remote_code)
    tokenizer = _SHARED.pop(key, None)
    if tokenizer is None:
        file = folder / "tokenizer.json"
        if file.is_file() and (part := _growing_part(file)):
            told = f"the {part} in {file} can make a character into more than {MOST_GROWTH:,}"
            raise ModelError(told, "use another tokenizer")
        tokenizer = _loaded(str(folder), trust_remote_code=remote_code)
        held = sum(len(each) + WORDS for each in (tokenizer, *_SHARED.values()))
        while _SHARED and held > MOST_HELD:
            held -= len(_SHARED.pop(next(iter(_SHARED)))) + WORDS
    _SHARED[key] = tokenizer
    return tokenizer


def _content(folder: Path) -> str:
    """Hash of all that may decide what a tokenizer does: which files do differs by its class."""
    files = [*folder.iterdir(), *folder.glob("additional_chat_templates/*")]
    return hash_files(file for file in files if file.suffix not in _OTHER and file.is_file())


def _loaded(name: str, **arguments: Any) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(name, **arguments)


def _growing_part(file: Path) -> str:
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
