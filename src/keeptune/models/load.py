"""Loading: decoder-only and encoder-decoder models under one interface."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError

from keeptune.chat_template import render_chat
from keeptune.config.schema import ModelConfig
from keeptune.errors import ModelError, first_line
from keeptune.models.attending import register_attentions
from keeptune.models.bare import changed_weights, refuse_changed, weight_marks
from keeptune.models.find import FoundModel, find_model, hash_model
from keeptune.models.finite import refuse_broken_weights, watch_logits
from keeptune.models.module_patterns import refuse_endless_patterns
from keeptune.models.placement import Placement, place
from keeptune.models.weight_files import ADAPTER_CONFIG, INDEX, read_json, shards_named

Kind = Literal["causal", "encoder-decoder"]
PROBE = "keeptune☃answer☃probe"
"""Stands for an answer while a chat template is asked what it writes after one."""


@dataclass(slots=True)
class LoadedModel:
    """A model ready for use. `model` changes when an adapter is attached; all else stays."""

    model: Any
    tokenizer: Any
    kind: Kind
    placement: Placement
    found: FoundModel
    hash: str
    context_length: int
    """Positions that the model was made for; 1 << 30 where it has no limit of its own."""
    initial_adapter: Mapping[str, torch.Tensor] | None = None
    """The adapter's first weights, where they were taken out of the base's."""
    engine: str = "torch"
    """The name of what computes answers and likelihoods with these weights."""
    turn_end: int | None = None
    """The token that the chat template writes after an answer."""
    changed_base: tuple[str, ...] = ()
    """The base's own weights that a loaded adapter has changed beside adding to them."""

    @property
    def inner(self) -> Any:
        """The transformers model, under its adapter if it has one."""
        return self.model.get_base_model() if hasattr(self.model, "peft_config") else self.model

    def refuse_changed_base(self) -> None:
        """Raises ModelError where the model without its adapter is not its base."""
        refuse_changed(self.changed_base, self.found.adapter or self.found.name)

    def as_base(self) -> AbstractContextManager[None]:
        """The model without its adapter while the block runs; ModelError where that would not be the base."""
        self.refuse_changed_base()
        without: AbstractContextManager[None] = self.model.disable_adapter()
        return without

    @property
    def soft_prompt(self) -> int:
        """Positions that an adapter's own vectors take before each row."""
        config: Any = self.model.active_peft_config if hasattr(self.model, "peft_config") else None
        return int(config.num_virtual_tokens) if getattr(config, "is_prompt_learning", False) else 0

    @property
    def parameters(self) -> int:
        """Count of weights, tied ones once."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    @property
    def trainable(self) -> int:
        """Count of weights that get a gradient."""
        return sum(p.numel() for p in self.model.parameters() if p.requires_grad)

    def end_ids(self) -> tuple[int, ...]:
        """Tokens that end an answer: the tokenizer's, the model's own, and the chat template's, which many base models
        name neither here nor there."""
        return tuple(dict.fromkeys([*self.own_end_ids(), *([] if self.turn_end is None else [self.turn_end])]))

    def own_end_ids(self) -> tuple[int, ...]:
        """Those that the model's files name."""
        own = getattr(self.inner.generation_config, "eos_token_id", None)
        ids = own if isinstance(own, list) else [own]
        return tuple(dict.fromkeys(i for i in (self.tokenizer.eos_token_id, *ids) if i is not None))


def kind_and_context(config: ModelConfig) -> tuple[Kind, int]:
    """Kind and context length, from the model's settings alone."""
    found = find_model(config)
    settings = _config(found, config)
    adapter = read_json(Path(found.adapter) / ADAPTER_CONFIG) if found.adapter else {}
    virtual = adapter.get("num_virtual_tokens") or 0
    if not isinstance(virtual, int):
        raise _wrong_adapter(found, f"its num_virtual_tokens are {virtual!r}")
    return _kind(settings), _context_length(settings) - virtual


def load_tokenizer(config: ModelConfig) -> tuple[Any, Kind, int]:
    """Tokenizer, kind and context length, without the weights: what `check` needs."""
    kind, context = kind_and_context(config)
    return _tokenizer(find_model(config), config), kind, context


def vocabulary_size(config: ModelConfig) -> int | None:
    """Ids that the model has an embedding for, as its config says; None where it does not say."""
    settings = _config(find_model(config), config)
    text = settings.get_text_config() if hasattr(settings, "get_text_config") else settings
    size = getattr(text, "vocab_size", None)
    return size if isinstance(size, int) else None


def load_model(config: ModelConfig, *, train_weights: bool = False) -> LoadedModel:
    """Load weights and tokenizer.

    Args:
        train_weights: keep the weights in float32 on any dtype, for full fine-tuning under autocast.

    Raises:
        ModelError: the model cannot be found, read or used; MissingDependency for the built-in one.
    """
    register_attentions()
    found = find_model(config)
    placement = place(config.device, config.dtype)
    settings = _config(found, config)
    kind = _kind(settings)
    found_hash = hash_model(found)
    dtype = torch.float32 if train_weights else placement.dtype
    model = _weights(found, config, settings, kind, dtype)
    watch_logits(model, found.name)
    changed: tuple[str, ...] = ()
    if found.adapter is not None:
        before = weight_marks(model)
        model = _attach_saved_adapter(model, found)
        changed = changed_weights(before, model)
    model.to(placement.device)
    refuse_broken_weights(model, found.name)
    model.eval()
    tokenizer = _tokenizer(found, config)
    if tokenizer.pad_token_id >= model.get_input_embeddings().weight.shape[0]:
        # A padding token that was added, and for which the model was not made larger.
        tokenizer.pad_token = tokenizer.eos_token
    return LoadedModel(
        model,
        tokenizer,
        kind,
        placement,
        found,
        found_hash,
        _context_length(settings),
        turn_end=_turn_end(tokenizer) if kind == "causal" else None,
        changed_base=changed,
    )


def _hub_arguments(found: FoundModel, config: ModelConfig) -> dict[str, Any]:
    return {"trust_remote_code": config.allow_remote_code} | ({} if found.local else {"revision": found.revision})


def _config(found: FoundModel, config: ModelConfig) -> Any:
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(found.source, **_hub_arguments(found, config))
    except Exception as error:  # what values of other types make a library raise is written nowhere
        raise _cannot_load(found, error) from error


def _tokenizer(found: FoundModel, config: ModelConfig) -> Any:
    from transformers import AutoTokenizer

    own = found.adapter is not None and (Path(found.adapter) / "tokenizer_config.json").exists()
    try:
        if own:
            # Beside an adapter lie the tokenizer and the chat template that it was trained with.
            tokenizer = AutoTokenizer.from_pretrained(found.adapter, trust_remote_code=config.allow_remote_code)
        else:
            tokenizer = AutoTokenizer.from_pretrained(found.source, **_hub_arguments(found, config))
    except Exception as error:
        raise ModelError(
            f"the tokenizer of {found.adapter if own else found.name} cannot be loaded: {first_line(error)}",
            "put the tokenizer's files beside the weights (`tokenizer.save_pretrained`)",
        ) from error
    if tokenizer.eos_token_id is None:
        raise ModelError(
            f"the tokenizer of {found.name} has no end token, so an answer could never end",
            "set eos_token in its tokenizer_config.json",
        )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def _turn_end(tokenizer: Any) -> int | None:
    """The first special token that the chat template writes after an answer."""
    if not getattr(tokenizer, "chat_template", None):
        return None
    turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": PROBE}]
    try:
        text = render_chat(tokenizer, turns)
    except Exception:  # noqa: BLE001 - what a template refuses is told where it is asked for a row
        return None
    after = tokenizer(text.rpartition(PROBE)[2], add_special_tokens=False)["input_ids"]
    special = set(tokenizer.all_special_ids)
    return next((token for token in after if token in special), None)


def _safetensors(found: FoundModel, config: ModelConfig, settings: Any) -> bool | None:
    """What transformers is told to load: of a folder the files that were decided on, of the hub no pickle."""
    if found.local:
        return all(file.suffix == ".safetensors" for file in found.weights)
    from transformers.utils.hub import cached_file

    named = getattr(settings, "transformers_weights", None) or INDEX
    if named.endswith(".json"):
        quiet: Any = dict.fromkeys(_QUIET, False)
        index = cached_file(found.source, named, revision=found.revision, **quiet)
        if index is not None:
            shards_named(Path(index))
    elif not named.endswith(".safetensors"):
        raise ModelError(f"the config.json of {found.name} names {named!r} as its weights", "use another model")
    return None if config.allow_pickle else True


_QUIET = tuple(f"_raise_exceptions_for_{what}" for what in ("gated_repo", "missing_entries", "connection_errors"))


def _weights(found: FoundModel, config: ModelConfig, settings: Any, kind: Kind, dtype: torch.dtype) -> Any:
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    auto: Any = AutoModelForCausalLM if kind == "causal" else AutoModelForSeq2SeqLM
    try:
        model, report = auto.from_pretrained(
            found.source,
            dtype=dtype,
            use_safetensors=_safetensors(found, config, settings),
            # Other shapes are refused below, by name: the library's own error names none.
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            **_hub_arguments(found, config),
        )
    except Exception as error:
        raise _cannot_load(found, error) from error
    mismatched = sorted((name, tuple(held), tuple(asked)) for name, held, asked in report.get("mismatched_keys", ()))
    if mismatched:
        name, held, asked = mismatched[0]
        raise ModelError(
            f"{len(mismatched)} weights of {found.name} have other shapes than its config.json says "
            f"({name}: {held}, not {asked})",
            "fetch or save the model again, weights and config.json together",
        )
    missing = sorted(report.get("missing_keys", ()))
    if missing:
        raise ModelError(
            f"{found.name} lacks {len(missing)} of the model's weights ({', '.join(missing[:3])} …)",
            "fetch or save the model again; random weights are never filled in",
        )
    return model


def _attach_saved_adapter(model: Any, found: FoundModel) -> Any:
    from peft import PeftModel, get_peft_model_state_dict
    from peft.utils.save_and_load import load_peft_weights

    settings = read_json(Path(str(found.adapter)) / ADAPTER_CONFIG)
    refuse_endless_patterns(settings, (name for name, _ in model.named_modules()), str(found.adapter))
    try:
        model = PeftModel.from_pretrained(model, str(found.adapter), is_trainable=False)
        held = set(load_peft_weights(str(found.adapter), device="cpu"))
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"the adapter {found.adapter} cannot be read: {first_line(error)}", "fetch or save the adapter again"
        ) from error
    except Exception as error:
        raise _wrong_adapter(found, first_line(error)) from error
    expected = set(get_peft_model_state_dict(model))
    # peft leaves what is missing at its first, random value, and passes over what has no place.
    if expected - held:
        missing = sorted(expected - held)
        raise _wrong_adapter(found, f"it lacks {len(missing)} weights ({', '.join(missing[:2])} …)")
    prefix = getattr(model.base_model, "prefix", None)
    unplaced = sorted(name for name in held - expected if prefix and prefix in name)
    if unplaced:
        raise _wrong_adapter(found, f"the model has no place for {len(unplaced)} weights ({', '.join(unplaced[:2])} …)")
    return model


def _wrong_adapter(found: FoundModel, why: str) -> ModelError:
    return ModelError(
        f"the adapter {found.adapter} does not load on {found.source}: {why}",
        "check base_model_name_or_path in its adapter_config.json",
    )


def _kind(settings: Any) -> Kind:
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
    """False for BERT and its like: transformers has a decoder's head for them, but they look both ways."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

    masked = settings.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES
    return not masked or bool(getattr(settings, "is_decoder", False))


def _context_length(settings: Any) -> int:
    text = settings.get_text_config() if hasattr(settings, "get_text_config") else settings
    for name in ("max_position_embeddings", "n_positions", "max_seq_len"):
        value = getattr(text, name, None)
        # T5 positions are relative: n_positions is only what it was trained with.
        if isinstance(value, int) and value > 0 and settings.model_type not in ("t5", "mt5", "umt5"):
            return value
    return 1 << 30


def _cannot_load(found: FoundModel, error: Exception) -> ModelError:
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
