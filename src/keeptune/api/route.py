"""`keeptune.open_router`: base and tuned served together from one copy of the weights."""

from __future__ import annotations

from keeptune.config.schema import ModelConfig
from keeptune.events import Observer, shown
from keeptune.inference.router import Router as Router
from keeptune.inference.router import load_router
from keeptune.report.progress import shows_progress


@shows_progress
def open_router(model: ModelConfig, observer: Observer = shown) -> Router:
    """Load an adapter, or the run of `tune` that made one, on its base.

    Raises:
        ConfigError: no adapter; full weights have no base within them.
    """
    return load_router(model, observer)
