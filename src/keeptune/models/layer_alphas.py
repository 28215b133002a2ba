"""The share α of a change by weight: one for all, or one per layer.

Layers are counted from the input on; an encoder's come before its decoder's. What stands outside them goes with the
nearest: embeddings with the first layer, output and last norm with the last.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from keeptune.errors import ConfigError, ModelError

Alpha = float | tuple[float, float] | Mapping[int, float]
"""α of all layers; of the first and the last, linear between; or of each layer, counted from 0."""

_LAYER = re.compile(r"(.*?)\.(\d+)\.")
_EMBEDDING = re.compile(r"emb|wte|wpe|shared")


def alphas_by_name(alpha: Alpha, names: Iterable[str]) -> dict[str, float]:
    """α of each name. Layers are those that occur in `names`.

    Raises:
        ModelError: α by layers, and no name has a numbered layer.
        ConfigError: a mapping that lacks a layer, or has one too many.
    """
    listed = list(names)
    if isinstance(alpha, (int, float)):
        return dict.fromkeys(listed, float(alpha))
    layers = _layers(listed)
    if not layers:
        raise ModelError("this model has no numbered layers to interpolate separately", "give one number for all")
    each = _each(alpha, len(layers))
    return {name: each[_layer_of(name, layers)] for name in listed}


def _layers(names: Sequence[str]) -> list[tuple[str, int]]:
    """(Stack of layers, number in it) of every layer, from the input to the output."""
    found = {(match[1], int(match[2])) for match in map(_LAYER.match, names) if match}
    return sorted(found, key=lambda layer: ("decoder" in layer[0], layer))


def _each(alpha: tuple[float, float] | Mapping[int, float], layers: int) -> Mapping[int, float]:
    if isinstance(alpha, tuple):
        first, last = alpha
        return {layer: first + (last - first) * layer / max(layers - 1, 1) for layer in range(layers)}
    odd = sorted(alpha.keys() ^ set(range(layers)))
    if odd:
        raise ConfigError(
            f"the interpolation names layer {odd[0]}, which the model lacks"
            if odd[0] in alpha
            else f"the interpolation has no number for layer {odd[0]}",
            f"give one for each layer from 0 to {layers - 1}",
        )
    return alpha


def _layer_of(name: str, layers: Sequence[tuple[str, int]]) -> int:
    match = _LAYER.match(name)
    if match:
        return layers.index((match[1], int(match[2])))
    own = [layer for layer in layers if name.startswith(layer[0].rpartition(".")[0] + ".")] or layers
    return layers.index(own[0] if _EMBEDDING.search(name) else own[-1])
