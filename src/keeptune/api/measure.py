"""`keeptune.measure`: any two models, made by any tool: what was gained, what was lost, and whether that matters."""

from __future__ import annotations

from keeptune.assessment.measuring import run_measure
from keeptune.config.schema import MeasureRun
from keeptune.events import Observer, shown
from keeptune.records import ForgettingReport
from keeptune.report.progress import shows_progress


@shows_progress
def measure(config: MeasureRun, observer: Observer = shown) -> ForgettingReport:
    """Evaluate both models on the abilities (and the task, where items are given), and leave a report in a run folder.

    Two finished logs of lm-evaluation-harness (files of ``--log_samples``, or their folders) may stand in the place
    of the models: then no model is loaded, and their records are compared.

    Raises:
        KeeptuneError: see the tree in `keeptune.errors`; nothing that was there before is changed by a failure.
    """
    return run_measure(config, observer)
