"""The cache folder: converted models, cached scores and other files that keeptune can make again."""

from __future__ import annotations

import os
from pathlib import Path

from keeptune.near_paths import expanded


def cache_folder() -> Path:
    """``$KEEPTUNE_CACHE``, else ``$XDG_CACHE_HOME/keeptune``, else ``~/.cache/keeptune``."""
    named = os.environ.get("KEEPTUNE_CACHE")
    if named:
        return expanded(named)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "keeptune"
