"""Collect what produced a result, at its end."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from keeptune.records import RunManifest
from keeptune.version import __version__
from keeptune.workspace import provenance


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Model, device and dtype of the answers; empty without a model."""

    name: str = ""
    hash: str = ""
    device: str = ""
    dtype: str = ""
    computing: Mapping[str, str] = field(default_factory=dict)
    """What else decides how sums are rounded: kernels, threads, processes."""


def make_manifest(
    model: ModelFacts,
    *,
    train_hash: str = "",
    test_hash: str = "",
    seed: int = 0,
    seconds: Mapping[str, float] = MappingProxyType({}),
) -> RunManifest:
    """The given facts and those of this program, machine and time."""
    return RunManifest(
        keeptune=__version__,
        commit=provenance.source_commit(),
        created=provenance.now(),
        command=_command(),
        model=model.name,
        model_hash=model.hash,
        train_hash=train_hash,
        test_hash=test_hash,
        seed=seed,
        device=model.device,
        dtype=model.dtype,
        versions=provenance.versions(),
        machine={**provenance.machine(), **model.computing},
        seconds={name: round(value, 2) for name, value in seconds.items()},
        peak_memory_bytes=provenance.peak_memory_bytes(),
    )


def _command() -> tuple[str, ...]:
    """The command line of this process, as it can be given again: an entry point by its name, not by its path."""
    program, *arguments = sys.argv or [""]
    name = Path(program).stem
    inside = name == "__main__" and Path(program).parent.name == "keeptune"
    return ("keeptune" if inside else name or "python", *arguments)
