"""From the flags that click has read to a checked TuneConfig."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keeptune.config.load import load_config
from keeptune.config.schema import TuneConfig


def read_settings(config: str | None, flags: Mapping[str, Any]) -> TuneConfig:
    """The settings of a command line, the tables of methods and metrics read where they are kept.

    Raises:
        ConfigError: a setting that is wrong; the message names the flag, or file and line.
    """
    from keeptune.models.adapters import METHODS
    from keeptune.scoring.table import METRICS

    # By identity: a 0 that was given equals False, and counts.
    given = {name: value for name, value in flags.items() if value is not None and value is not False and value != ()}
    return load_config(Path(config) if config else None, given, methods=tuple(METHODS), metrics=tuple(METRICS))
