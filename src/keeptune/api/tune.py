"""`keeptune.tune`: train on one task, score base and tuned on the same items, and report the gain and what was lost."""

from __future__ import annotations

from keeptune.config.schema import TuneConfig
from keeptune.events import Observer, shown
from keeptune.experiments.tuning import run_tuning
from keeptune.records import TuneResult
from keeptune.report.progress import shows_progress


@shows_progress
def tune(config: TuneConfig, observer: Observer = shown) -> TuneResult:
    """Fine-tune, evaluate, and leave a run folder with everything in it.

    Raises:
        KeeptuneError: see the tree in `keeptune.errors`; nothing that was there before is changed by a failure.
    """
    return run_tuning(config, observer)
