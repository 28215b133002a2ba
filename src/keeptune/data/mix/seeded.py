"""Seeded choice and order that are the same on every machine and with every version of NumPy."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

UInts = NDArray[np.uint64]
Ints = NDArray[np.int64]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FACTORS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def scramble(numbers: UInts) -> UInts:
    """A one-to-one map of 64-bit numbers that leaves no pattern: the finaliser of SplitMix64 (Steele et al. 2014)."""
    mixed = numbers + _STEP
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _FACTORS[0]
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _FACTORS[1]
    return mixed ^ (mixed >> np.uint64(31))


def choose_lines(lines: Ints, count: int, seed: int, name: str) -> Ints:
    """Places in `lines` of the `count` that seed and name choose, in their order.

    Nested: the choice of 100 lies within the choice of 500. It depends on the line numbers alone.
    """
    ranked = np.argsort(_numbers(lines, f"choose\0{seed}\0{name}"), kind="stable")
    return np.sort(ranked[:count])


def shuffle_key(lines: Ints, seed: int, name: str) -> UInts:
    """One number per row; sorting by it gives the seeded order of all rows."""
    return _numbers(lines, f"order\0{seed}\0{name}")


def _numbers(lines: Ints, purpose: str) -> UInts:
    start = np.frombuffer(hashlib.sha256(purpose.encode()).digest()[:8], dtype="<u8")
    return scramble(scramble(lines.astype(np.uint64)) ^ start)
