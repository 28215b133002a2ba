"""A model that another program loaded and trains, evaluated without a trace."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from keeptune.errors import ModelError
from keeptune.models.architecture import context_length, kind_of
from keeptune.models.attending import register_attentions
from keeptune.models.find import FoundModel
from keeptune.models.finite import watch_logits
from keeptune.models.load import LoadedModel
from keeptune.models.placement import Placement
from keeptune.models.tokenizer import turn_end


@contextmanager
def adopted(model: Any, tokenizer: Any, autocast: torch.dtype | None) -> Iterator[LoadedModel]:
    """The model with its current weights, to be evaluated in the block. It is left as it was: the mode of each module,
    gradients, random generators, hooks and settings. The tokenizer is copied.

    Args:
        autocast: the dtype that its trainer computes in, if this is not the weights' own.

    Raises:
        ModelError: a model that writes no text from text, an adapter outside of a `PeftModel`, or a tokenizer without
            an end token.
    """
    register_attentions()
    if hasattr(model, "peft_config") and not hasattr(model, "get_base_model"):
        raise ModelError("the adapter is attached by the model's own add_adapter", "attach it by peft's get_peft_model")
    inner = model.get_base_model() if hasattr(model, "peft_config") else model
    kind = kind_of(inner.config)
    own = copy.deepcopy(tokenizer)
    if getattr(own, "eos_token_id", None) is None:
        raise ModelError("the trainer's tokenizer has no end token, so an answer could never end", "set its eos_token")
    if own.pad_token_id is None or own.pad_token_id >= inner.get_input_embeddings().weight.shape[0]:
        own.pad_token = own.eos_token
    weight = next(each for each in model.parameters() if each.is_floating_point())
    name = str(getattr(inner.config, "_name_or_path", "") or type(inner).__name__)
    loaded = LoadedModel(
        model,
        own,
        kind,
        Placement(weight.device, autocast or weight.dtype, "as it is trained"),
        FoundModel(name, name, None, local=False),
        "",
        context_length(inner.config),
        turn_end=turn_end(own) if kind == "causal" else None,
    )
    modes = [(module, module.training) for module in model.modules()]
    hook = watch_logits(inner, name)
    gpus = {parameter.device.index for parameter in model.parameters() if parameter.device.type == "cuda"}
    with _same_random_numbers(sorted(gpus)):
        try:
            model.eval()
            if autocast is None:
                yield loaded
            else:
                with loaded.placement.autocast():
                    yield loaded
        finally:
            hook.remove()
            for module, training in modes:
                module.training = training


@contextmanager
def _same_random_numbers(gpus: Sequence[int]) -> Iterator[None]:
    """The generators that a training draws from go on after the block as if it had not been."""
    before, of_numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(gpus):
        try:
            yield
        finally:
            random.setstate(before)
            np.random.set_state(of_numpy)
