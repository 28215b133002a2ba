"""A RunManifest: what made a result, so that it can be trusted and made again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RunManifest:
    """Written once, at the end of a run."""

    keeptune: str
    """Version of keeptune."""
    commit: str
    """git commit of the keeptune source tree, or "" for an installed package; ends in "+" where it was changed."""
    created: str
    """ISO 8601, UTC."""
    command: tuple[str, ...]
    model: str
    model_hash: str
    train_hash: str
    test_hash: str
    seed: int
    device: str
    dtype: str
    versions: Mapping[str, str]
    machine: Mapping[str, str]
    seconds: Mapping[str, float]
    """Wall-clock seconds by phase: load, train, evaluate_base, evaluate_tuned …"""
    peak_memory_bytes: int | None
    """None where the system does not tell."""
