"""`keeptune.check`: everything about data and settings that can be known before a model's weights load; the settings by
what `tune` itself begins with."""

from __future__ import annotations

from keeptune.config.schema import TuneConfig
from keeptune.data.check_report import CheckReport
from keeptune.events import Observer, shown
from keeptune.experiments.check_run import check_run, encoder_without_weights
from keeptune.report.progress import shows_progress


@shows_progress
def check(config: TuneConfig, observer: Observer = shown) -> CheckReport:
    """Look through the data and settings of `config`; what is bad is reported, not raised.

    Lengths in tokens need the model's tokenizer; where that cannot be loaded they are left out, and an event
    says so.
    """
    return check_run(config, encoder_without_weights(config, observer), observer)
