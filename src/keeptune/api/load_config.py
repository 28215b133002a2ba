"""`keeptune.load_config`: settings from a YAML file and by name, as the command line reads them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from keeptune.config import load
from keeptune.config.schema import TuneConfig
from keeptune.models.adapters import METHODS
from keeptune.near_paths import expanded
from keeptune.scoring.table import METRICS


def load_config(file: str | Path | None = None, given: Mapping[str, Any] = MappingProxyType({})) -> TuneConfig:
    """Read settings.

    Args:
        file: YAML with sections or flat keys; None for `given` alone.
        given: flag with underscores → value, such as ``{"lr": 1e-4}``; it wins over the file.

    Raises:
        ConfigError: an unknown key, a value of the wrong type or out of range, or two that exclude each other.
    """
    path = None if file is None else expanded(file)
    return load.load_config(path, given, methods=tuple(METHODS), metrics=tuple(METRICS))
