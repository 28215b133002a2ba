"""Weights of the tokens to learn that are known before the first step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from keeptune.records import EncodedRow


def weighed(row: EncodedRow, weights: Sequence[float]) -> EncodedRow:
    """`row` with each token to learn counting by its weight, times the weight that it had before."""
    before = row.weights or (1.0,) * row.learned
    return replace(row, weights=tuple(one * other for one, other in zip(before, weights, strict=True)))
