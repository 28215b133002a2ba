"""Folding a trained change into the base weights."""

from __future__ import annotations

from keeptune.models.adapters import METHODS
from keeptune.models.load import LoadedModel


def fold_adapter(loaded: LoadedModel) -> bool:
    """Merge the adapter of `loaded` into its weights, in place; False where the method cannot be merged.

    Merge in float32 and cast afterwards: folded into bfloat16 weights, small changes are rounded away.
    """
    config = next(iter(loaded.model.peft_config.values()))
    names = {type(config).__name__}
    if not any(method.mergeable and method.config in names for method in METHODS.values()):
        return False
    loaded.model = loaded.model.merge_and_unload()
    return True
