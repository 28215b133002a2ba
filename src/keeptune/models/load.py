"""Load decoder-only and encoder-decoder models behind one interface."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import GenerationConfig
from transformers.utils import GENERATION_CONFIG_NAME

from keeptune.config.schema import ModelConfig, QuantizationName
from keeptune.errors import ModelError, first_line
from keeptune.models.architecture import (
    Kind,
    cannot_load,
    cause_of,
    context_length,
    hub_arguments,
    kind_of,
    model_settings,
    wrong_adapter,
)
from keeptune.models.attending import register_attentions
from keeptune.models.bare import changed_weights, refuse_changed, weight_marks
from keeptune.models.find import FoundModel, find_model, hash_model
from keeptune.models.finite import refuse_broken_weights, watch_logits
from keeptune.models.loading import LOADING
from keeptune.models.memory import out_of_memory
from keeptune.models.module_patterns import refuse_endless_patterns
from keeptune.models.placement import Placement, place
from keeptune.models.quantization import NONE, count, leave_as_stored, loading_arguments, quantised_already
from keeptune.models.tokenizer import tokenizer_of, turn_end
from keeptune.models.weight_files import ADAPTER_CONFIG, INDEX, read_json, shards_named


@dataclass(slots=True)
class LoadedModel:
    """A model ready for use. Only `model` changes when an adapter is attached."""

    model: Any
    tokenizer: Any
    kind: Kind
    placement: Placement
    found: FoundModel
    hash: str
    context_length: int
    """Maximum positions of the model; 1 << 30 if it has no limit."""
    initial_adapter: Mapping[str, torch.Tensor] | None = None
    """The adapter's initial weights, if they were taken out of the base."""
    engine: str = "torch"
    """Name of the engine that evaluates these weights."""
    turn_end: int | None = None
    """The token that the chat template writes after an answer."""
    changed_base: tuple[str, ...] = ()
    """Base weights that a loaded adapter replaced."""
    quantization: QuantizationName = NONE
    """In how many bits the base is held."""

    @property
    def inner(self) -> Any:
        """The transformers model, under its adapter if it has one."""
        return self.model.get_base_model() if hasattr(self.model, "peft_config") else self.model

    def refuse_changed_base(self) -> None:
        """Raise ModelError if the model without its adapter is not its base."""
        refuse_changed(self.changed_base, self.found.adapter or self.found.name)

    def as_base(self) -> AbstractContextManager[None]:
        """The model without its adapter while the block runs; ModelError where that would not be the base."""
        self.refuse_changed_base()
        without: AbstractContextManager[None] = self.model.disable_adapter()
        return without

    @property
    def soft_prompt(self) -> int:
        """Number of virtual tokens of an adapter before each row."""
        config: Any = self.model.active_peft_config if hasattr(self.model, "peft_config") else None
        return int(config.num_virtual_tokens) if getattr(config, "is_prompt_learning", False) else 0

    @property
    def parameters(self) -> int:
        """Number of weights; tied ones count once."""
        return sum(map(count, self.model.parameters()))

    @property
    def trainable(self) -> int:
        """Number of trainable weights."""
        return sum(p.numel() for p in self.model.parameters() if p.requires_grad)

    def end_ids(self) -> tuple[int, ...]:
        """Tokens that end an answer: the tokenizer's, the model's own, and the chat template's, which many base models
        name neither here nor there."""
        return tuple(dict.fromkeys([*self.own_end_ids(), *([] if self.turn_end is None else [self.turn_end])]))

    def own_end_ids(self) -> tuple[int, ...]:
        """The end tokens in the model's files."""
        own = getattr(self.inner.generation_config, "eos_token_id", None)
        ids = own if isinstance(own, list) else [own]
        return tuple(dict.fromkeys(i for i in (self.tokenizer.eos_token_id, *ids) if i is not None))

    def save(self, folder: Path) -> None:
        """In the layout of `transformers`, or the adapter in that of `peft`.

        Older transformers save no generation settings that they find odd, though the base came with them: those are
        written as they are.
        """
        own, file = self.inner.generation_config, folder / GENERATION_CONFIG_NAME
        try:
            self.inner.generation_config = GenerationConfig()  # type: ignore[no-untyped-call]
            self.model.save_pretrained(folder)
        finally:
            self.inner.generation_config = own
        if file.exists():
            own.to_json_file(file)


def load_model(config: ModelConfig, *, train_weights: bool = False) -> LoadedModel:
    """Load weights and tokenizer.

    Args:
        train_weights: the weights in float32 on any dtype, and never quantised: for full fine-tuning under autocast.

    Raises:
        ModelError: the model cannot be found, read or used; MissingDependency for the built-in one.
    """
    register_attentions()
    found = find_model(config)
    placement = place(config.device, config.dtype)
    settings = model_settings(found, config)
    kind = kind_of(settings)
    found_hash = hash_model(found)
    dtype = torch.float32 if train_weights else placement.dtype
    quantization = NONE if train_weights else config.quantization
    if quantization != NONE:
        _refuse_packing(found, settings, quantization)
    how = {"dtype": dtype, **loading_arguments(quantization, dtype, placement.device)}
    changed: tuple[str, ...] = ()
    with LOADING:
        model = _weights(found, config, settings, kind, how)
        watch_logits(model, found.name)
        if found.adapter is not None:
            before = weight_marks(model)
            model = _attach_saved_adapter(model, found)
            changed = changed_weights(before, model)
    if quantization == NONE:
        if train_weights and getattr(model, "is_quantized", False):
            raise quantised_already(found.name)
        model.to(placement.device)
    else:
        model.requires_grad_(False)
        leave_as_stored(model)
    refuse_broken_weights(model, found.name)
    model.eval()
    tokenizer = _fitting_tokenizer(found, config, model)
    return LoadedModel(
        model,
        tokenizer,
        kind,
        placement,
        found,
        found_hash if quantization == NONE else f"{found_hash}-{quantization}",
        context_length(settings),
        turn_end=turn_end(tokenizer) if kind == "causal" else None,
        changed_base=changed,
        quantization=quantization,
    )


def _refuse_packing(found: FoundModel, settings: Any, quantization: QuantizationName) -> None:
    """Raise ModelError for weights that are packed already, and for an adapter that computes with the matrices."""
    if getattr(settings, "quantization_config", None) is not None:
        raise quantised_already(found.name)
    if found.adapter is None:
        return
    kind = read_json(Path(found.adapter) / ADAPTER_CONFIG).get("peft_type")
    if kind != "LORA":
        raise ModelError(
            f"{found.adapter} is an adapter of type {kind}, and on a base in {quantization} a LoRA alone is loaded",
            "leave --quantization out",
        )


def with_tokenizer_of(loaded: LoadedModel, base: ModelConfig) -> LoadedModel:
    """The same weights, with the tokenizer of their base in place of one that an adapter brings: for what is asked
    within `as_base`."""
    tokenizer = _fitting_tokenizer(find_model(base), base, loaded.model)
    return replace(loaded, tokenizer=tokenizer, turn_end=turn_end(tokenizer) if loaded.kind == "causal" else None)


def _fitting_tokenizer(found: FoundModel, config: ModelConfig, model: Any) -> Any:
    tokenizer = tokenizer_of(found, config)
    if tokenizer.pad_token_id >= model.get_input_embeddings().weight.shape[0]:
        # A padding token that was added, and for which the model was not made larger.
        tokenizer = copy.deepcopy(tokenizer)
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


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


def _weights(found: FoundModel, config: ModelConfig, settings: Any, kind: Kind, how: Mapping[str, Any]) -> Any:
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    auto: Any = AutoModelForCausalLM if kind == "causal" else AutoModelForSeq2SeqLM
    try:
        model, report = auto.from_pretrained(
            found.source,
            use_safetensors=_safetensors(found, config, settings),
            # Other shapes are refused below with their names, which the library's error lacks.
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            **hub_arguments(found, config),
            **how,
        )
    except Exception as error:
        if out_of_memory(error):
            raise
        cause = cause_of(error)
        if out_of_memory(cause):
            raise cause from error
        raise cannot_load(found, cause) from error
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
        if out_of_memory(error):
            raise
        raise wrong_adapter(found, first_line(error)) from error
    expected = set(get_peft_model_state_dict(model))
    # peft keeps random initial values for missing weights and ignores unexpected ones.
    if expected - held:
        missing = sorted(expected - held)
        raise wrong_adapter(found, f"it lacks {len(missing)} weights ({', '.join(missing[:2])} …)")
    prefix = getattr(model.base_model, "prefix", None)
    unplaced = sorted(name for name in held - expected if prefix and prefix in name)
    if unplaced:
        raise wrong_adapter(found, f"the model has no place for {len(unplaced)} weights ({', '.join(unplaced[:2])} …)")
    return model
