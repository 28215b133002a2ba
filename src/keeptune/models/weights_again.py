"""How far the weights of two folders are apart."""

from __future__ import annotations

import math
from pathlib import Path

from keeptune.models.saved_weights import SavedWeights
from keeptune.models.weight_files import adapter_files, model_files
from keeptune.records import WeightsAgain
from keeptune.workspace.hashing import hash_files
from keeptune.workspace.lineage import is_adapter


def weights_again(then: Path | None, now: Path | None) -> WeightsAgain:
    """Compare the weights that two runs made, a pair of tensors in memory at a time.

    Raises:
        ModelError: weights that cannot be read.
    """
    if then is None or now is None:
        which = "first" if then is None else "second"
        return WeightsAgain(False, None, None, f"the weights of the {which} run are gone")
    if _hash(then) == _hash(now):
        return WeightsAgain(True, 0.0, 0.0)
    before, after = (SavedWeights(folder, adapter=is_adapter(folder)) for folder in (then, now))
    if before.keys() != after.keys() or any(before[name].shape != after[name].shape for name in before):
        return WeightsAgain(False, None, None, "the tensors have other names or shapes")
    largest = squares = 0.0
    count = 0
    for name in before:
        apart = (after[name].double() - before[name].double()).abs()
        count += apart.numel()
        squares += float(apart.square().sum())
        largest = max(largest, float(apart.max())) if apart.numel() else largest
    return WeightsAgain(False, largest, math.sqrt(squares / max(count, 1)))


def _hash(folder: Path) -> str:
    return hash_files(adapter_files(folder) if is_adapter(folder) else model_files(folder))
