"""Facts from a model's config, without its weights: kind, positions, vocabulary."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from keeptune.config.schema import ModelConfig
from keeptune.errors import ModelError, first_line
from keeptune.models.find import FoundModel, find_model
from keeptune.models.weight_files import ADAPTER_CONFIG, read_json

Kind = Literal["causal", "encoder-decoder"]
MOST_PARTS = 10_000
"""Layers, or experts of a layer. A model is built part by part, whatever its weights hold."""
_PARTS = re.compile(r"(^|_)(layers?|experts|attention_types)$")


def kind_and_context(config: ModelConfig) -> tuple[Kind, int]:
    """Kind and context length, from the model's settings alone."""
    found = find_model(config)
    settings = model_settings(found, config)
    adapter = read_json(Path(found.adapter) / ADAPTER_CONFIG) if found.adapter else {}
    virtual = adapter.get("num_virtual_tokens") or 0
    if not isinstance(virtual, int):
        raise wrong_adapter(found, f"its num_virtual_tokens are {virtual!r}")
    return kind_of(settings), context_length(settings) - virtual


def vocabulary_size(config: ModelConfig) -> int | None:
    """Number of ids with an embedding according to the config; None if it does not say."""
    settings = model_settings(find_model(config), config)
    text = settings.get_text_config() if hasattr(settings, "get_text_config") else settings
    size = getattr(text, "vocab_size", None)
    return size if isinstance(size, int) else None


def model_settings(found: FoundModel, config: ModelConfig) -> Any:
    """The model's configuration, as transformers reads it.

    Raises:
        ModelError: transformers does not read it, or it names more layers than any model has.
    """
    from transformers import AutoConfig, PretrainedConfig

    asked = hub_arguments(found, config)
    try:
        plain, _ = PretrainedConfig.get_config_dict(found.source, **asked)
        _refuse_endless(plain, found)
        return AutoConfig.from_pretrained(found.source, **asked)
    except ModelError:
        raise
    except Exception as error:  # what values of other types make a library raise is written nowhere
        raise cannot_load(found, error) from error


def _refuse_endless(plain: Mapping[str, Any], found: FoundModel) -> None:
    for name, value in _numbers(plain):
        if value > MOST_PARTS and _PARTS.search(name):
            raise ModelError(
                f"the config.json of {found.name} names {value:,} as {name}; the limit is {MOST_PARTS:,}",
                "fetch or save the model again",
            )


def _numbers(value: Any, name: str = "") -> Iterator[tuple[str, int]]:
    """The integers in a configuration, with the names that they, or the lists around them, have."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _numbers(each, str(key))
    elif isinstance(value, list):
        for each in value:
            yield from _numbers(each, name)
    elif isinstance(value, int):
        yield name, value


def hub_arguments(found: FoundModel, config: ModelConfig) -> dict[str, Any]:
    """Arguments of every `from_pretrained` for this model."""
    return {"trust_remote_code": config.allow_remote_code} | ({} if found.local else {"revision": found.revision})


def kind_of(settings: Any) -> Kind:
    """The kind of model; ModelError if it does not generate text from text."""
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
    )

    if getattr(settings, "is_encoder_decoder", False):
        if settings.model_type in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES:
            return "encoder-decoder"
    elif _looks_back_only(settings) and (
        settings.model_type in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES or getattr(settings, "auto_map", None)
    ):
        return "causal"
    raise ModelError(
        f"a {settings.model_type} model does not write text from text",
        "use a decoder-only model (Llama, Qwen, Gemma …) or an encoder-decoder (T5 …)",
    )


def _looks_back_only(settings: Any) -> bool:
    """False for models like BERT: transformers has decoder heads for them, but their attention is bidirectional."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

    masked = settings.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES
    return not masked or bool(getattr(settings, "is_decoder", False))


def context_length(settings: Any) -> int:
    """Maximum positions of the model; 1 << 30 if it has no limit."""
    text = settings.get_text_config() if hasattr(settings, "get_text_config") else settings
    for name in ("max_position_embeddings", "n_positions", "max_seq_len"):
        value = getattr(text, name, None)
        # T5 positions are relative: n_positions is only what it was trained with.
        if isinstance(value, int) and value > 0 and settings.model_type not in ("t5", "mt5", "umt5"):
            return value
    return 1 << 30


def cause_of(error: Exception) -> Exception:
    """Of an error of transformers while it loads a model. Where weights could not be converted or packed it points to a
    report, which is not shown: what went wrong with the first of them."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        reported = getattr(frame.f_locals.get("loading_info"), "conversion_errors", None)
        if reported:
            told = str(next(iter(reported.values()))).rpartition("\nError")[0]
            return RuntimeError(told.splitlines()[-1] if told else first_line(error))
    return error


def cannot_load(found: FoundModel, error: Exception) -> ModelError:
    """The error for a model that transformers does not load."""
    where = "folder" if found.local else "hub model"
    if not found.local and "use_safetensors" in str(error):
        return ModelError(
            f"{found.name} has no safetensors: {first_line(error)}",
            "convert its weights (`save_pretrained`), or pass --allow-pickle if you trust them",
        )
    return ModelError(
        f"the {where} {found.name} cannot be loaded: {first_line(error)}",
        "fetch or save the model again"
        if found.local
        else "check the name, the network (HF_HUB_OFFLINE) and your access to it; or give a local folder",
    )


def wrong_adapter(found: FoundModel, why: str) -> ModelError:
    """The error for an adapter that does not fit its base."""
    return ModelError(
        f"the adapter {found.adapter} does not load on {found.source}: {why}",
        "check base_model_name_or_path in its adapter_config.json",
    )
