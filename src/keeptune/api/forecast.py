"""What a training would take, by a few steps of it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from keeptune.config.schema import TuneConfig
from keeptune.events import Observer, silent
from keeptune.mitigation.default import with_default_mitigation
from keeptune.records import Forecast
from keeptune.training.new_session import new_session
from keeptune.training.prepare import prepared
from keeptune.training.start import merged_start
from keeptune.workspace.workspace import Workspace


def forecast(config: TuneConfig, observer: Observer = silent) -> Forecast:
    """Time and memory of the training that `config` asks for, on this machine: a few of its steps are made, and kept
    nowhere.

    Raises:
        KeeptuneError: what would stop the run.
    """
    with tempfile.TemporaryDirectory() as folder:
        session = new_session(with_default_mitigation(config), Workspace(Path(folder)), observer)
        return prepared(session.with_model(merged_start(session.config.model, session.workspace))).loop.measure()
