"""The startup cache: measurements before the first step, reused by equal trainings on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from keeptune.events import Observer
from keeptune.models.memory import Meter
from keeptune.workspace.cache_entry import entry_file, keep_entry, read_entry

VERSION = 2
"""Part of every key; raised when the measurements change."""


@dataclass(frozen=True, slots=True)
class Startup:
    """Measurements that apply to any training of the same model and method on the same rows with the same software."""

    compiled: bool
    """Compiled blocks passed their trial."""
    peak_bytes: int
    """Maximum memory of the training at its full token budget."""
    validation: Mapping[str, float]
    """Loss and metrics of the untrained model; empty without validation."""
    validation_seconds: float


def read_startup(key: str, observer: Observer) -> Startup | None:
    """The entry of `key`, or None."""
    found = read_entry(_file(key), Startup, observer)
    return found[0] if found else None


def usable_startup(key: str, meter: Meter, observer: Observer) -> Startup | None:
    """The entry of `key`, if enough memory is free for it; None without a key."""
    known = read_startup(key, observer) if key else None
    free = meter.free()
    return known if known and (free is None or known.peak_bytes <= meter.used() + free) else None


def keep_startup(key: str, start: Startup, observer: Observer) -> None:
    """Store it under `key`."""
    keep_entry(_file(key), [start], observer)


def _file(key: str) -> Path:
    return entry_file("starts", VERSION, key)
