"""`keeptune.init`: look at rows for the first time, and write the settings of a first run."""

from __future__ import annotations

import dataclasses

from keeptune.config.schema import TuneConfig
from keeptune.data.columns import Columns, read_columns
from keeptune.data.first_look import FirstLook
from keeptune.errors import ConfigError
from keeptune.events import Observer, shown
from keeptune.experiments.first_look import first_look, refuse_settings_taken
from keeptune.near_paths import expanded
from keeptune.report.progress import shows_progress

OUTPUT = "keeptune.yaml"


@shows_progress
def init(config: TuneConfig, output: str = OUTPUT, observer: Observer = shown, answer: str | None = None) -> FirstLook:
    """Look at the rows of ``config.data.train``, and write settings to `output` if a run could start by them.

    Where neither names nor settings tell which column is the answer, it is `answer`, else guessed; the result says why.

    Raises:
        ConfigError: no rows are named. RunExists: there is something at `output`. StoreError: it cannot be written.
    """
    columns = columns_of(config, output)
    data = columns.settings(answer or columns.answers[0]) if columns.answers else columns.config
    return first_look(dataclasses.replace(config, data=data), columns, expanded(output), observer)


def columns_of(config: TuneConfig, output: str = OUTPUT) -> Columns:
    """The columns of the rows, before anything is asked or written.

    Raises:
        ConfigError: no rows are named. RunExists: there is something at `output`.
    """
    if config.data.train is None:
        raise ConfigError("no rows to look at", "name a file: keeptune init FILE")
    refuse_settings_taken(expanded(output))
    return read_columns(config.data)
