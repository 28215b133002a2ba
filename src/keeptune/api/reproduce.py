"""`keeptune.reproduce`: a finished run made again, and compared with what came out then."""

from __future__ import annotations

from keeptune.events import Observer, shown
from keeptune.experiments.reproduction import run_reproduction
from keeptune.records import Reproduction
from keeptune.report.progress import shows_progress


@shows_progress
def reproduce(run: str, output: str = "", observer: Observer = shown, *, allow_code: bool = False) -> Reproduction:
    """Train and evaluate again by the settings of `run`, taking nothing from the cache, and compare weights, losses,
    answers, scores and verdicts with those of `run`. Called again, it goes on where it was stopped.

    Args:
        run: a finished run of `tune`, by its folder or its name in ``runs``; those inside a study, too.
        output: run folder; "" is the first free ``RUN-again``; of a run in a study, beside the study.
        allow_code: run the code that the settings of `run` name: metrics in a file, task files, a model's own code.

    Raises:
        ConfigError: its settings name code that would run, and it is not allowed.
        StoreError: another kind of run, or its data or base has changed since. Else as `tune`.
    """
    return run_reproduction(run, output, observer, allow_code=allow_code)
