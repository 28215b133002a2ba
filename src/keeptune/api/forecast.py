"""What a training would take, by a few steps of it."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from keeptune.config.schema import TuneConfig
from keeptune.events import Observer, silent
from keeptune.records import Forecast
from keeptune.training.ready import ready
from keeptune.training.start import whole_model
from keeptune.training.train import prepared


def forecast(config: TuneConfig, observer: Observer = silent) -> Forecast:
    """Time and memory of the training that `config` asks for, on this machine: a few of its steps are made, and kept
    nowhere.

    Raises:
        KeeptuneError: what would stop the run.
    """
    config, rows, encoder, metrics = ready(config, observer)
    with tempfile.TemporaryDirectory() as folder:
        config = replace(config, model=whole_model(config.model, Path(folder)))
        return prepared(config, Path(folder), rows, encoder, metrics, observer).loop.measure()
