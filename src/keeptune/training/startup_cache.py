"""What a training finds out before its first step, kept: the next of its kind on this machine begins at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from keeptune.events import Observer
from keeptune.models.memory import Meter
from keeptune.workspace.cache_entry import entry_file, keep_entry, read_entry

VERSION = 2
"""Part of every key; raised when something else is found out, or in another way."""


@dataclass(frozen=True, slots=True)
class Startup:
    """What holds for any training of the same model and method on the same rows, by the same programs."""

    compiled: bool
    """Compiled blocks passed their trial."""
    peak_bytes: int
    """What the training holds at most, with its whole token budget."""
    validation: Mapping[str, float]
    """Loss and metrics of the untrained model; empty where nothing is validated."""
    validation_seconds: float


def read_startup(key: str, observer: Observer) -> Startup | None:
    """What was kept under `key`, or None."""
    found = read_entry(_file(key), Startup, observer)
    return found[0] if found else None


def usable_startup(key: str, meter: Meter, observer: Observer) -> Startup | None:
    """What was kept under `key`, if there is as much memory as it took; None without a key."""
    known = read_startup(key, observer) if key else None
    free = meter.free()
    return known if known and (free is None or known.peak_bytes <= meter.used() + free) else None


def keep_startup(key: str, start: Startup, observer: Observer) -> None:
    """Keep it under `key`."""
    keep_entry(_file(key), [start], observer)


def _file(key: str) -> Path:
    return entry_file("starts", VERSION, key)
