"""Gradient checkpointing (Chen et al. 2016, arXiv:1604.06174): a block keeps its input alone for the backward pass,
which computes the rest again. The activations take a fraction of the memory, and the forward pass is computed twice."""

from __future__ import annotations

from keeptune.models.load import LoadedModel


def checkpoint_blocks(loaded: LoadedModel) -> bool:
    """Turn it on; False where the model cannot, or where virtual tokens lie in a cache, which it would leave out."""
    model = loaded.inner
    if loaded.soft_prompt or not getattr(model, "supports_gradient_checkpointing", False):
        return False
    turn_on = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
    turn_on({"use_reentrant": False})
    if hasattr(model, "_require_grads_hook"):
        # For the other kind of checkpoints alone, and no other process could be sent it.
        model.disable_input_require_grads()
    return True


def checkpoints_blocks(loaded: LoadedModel) -> bool:
    """Whether it is on."""
    return any(getattr(module, "gradient_checkpointing", False) for module in loaded.inner.modules())
