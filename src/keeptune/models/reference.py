"""The reference: the base as it was before the first training step."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from keeptune.errors import ConfigError
from keeptune.models.batch import Batch
from keeptune.models.completion_logits import completion_logits
from keeptune.models.load import LoadedModel
from keeptune.models.weights import cast_weights


@dataclass(frozen=True, slots=True)
class Reference:
    """A frozen base without gradients, made by `reference_of`."""

    model: Any
    shared: bool
    """Whether it is the trained model with its adapter disabled."""

    @torch.no_grad()
    def logits(self, batch: Batch) -> torch.Tensor:
        """The base's logits that predict `batch.targets`, [tokens, vocabulary], without dropout."""
        with _evaluating(self.model), self.model.disable_adapter() if self.shared else contextlib.nullcontext():
            return completion_logits(self.model, batch.for_teacher)


def frozen_reference(loaded: LoadedModel) -> Reference:
    """`loaded`, a model other than the trained one."""
    return Reference(loaded.model.requires_grad_(False).eval(), shared=False)


def reference_of(loaded: LoadedModel) -> Reference:
    """The base of `loaded`: call it before the first step.

    With an adapter it is the same weights, and takes no memory. Without one it is a copy of the weights in the
    placement's dtype. For an adapter that takes a part out of the base (CorDA, PiSSA), call it before that.

    Raises:
        ConfigError: such an adapter is there already.
    """
    if loaded.initial_adapter is not None:
        raise ConfigError(
            f"the adapter on {loaded.found.name} has taken a part out of its base", "use --method lora, or another"
        )
    if hasattr(loaded.model, "peft_config"):
        loaded.refuse_changed_base()
        return Reference(loaded.model, shared=True)
    frozen = copy.deepcopy(loaded.model).requires_grad_(False).eval()
    cast_weights(frozen, loaded.placement.dtype)
    return Reference(frozen, shared=False)


def untrained_reference(loaded: LoadedModel) -> Reference:
    """`reference_of` without a copy, for use only before the first step.

    Raises:
        ConfigError: as `reference_of`.
    """
    if hasattr(loaded.model, "peft_config"):
        return reference_of(loaded)
    return Reference(loaded.model, shared=False)


@contextlib.contextmanager
def _evaluating(model: torch.nn.Module) -> Iterator[None]:
    """`model` in eval mode within the block; afterwards each module's mode is restored."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True
