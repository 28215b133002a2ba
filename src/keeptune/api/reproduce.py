"""`keeptune.reproduce`: a finished run made again, and compared with what came out then."""

from __future__ import annotations

from keeptune.events import Observer, shown
from keeptune.experiments.reproduction import run_reproduction
from keeptune.records import Reproduction
from keeptune.report.progress import shows_progress


@shows_progress
def reproduce(run: str, output: str = "", observer: Observer = shown) -> Reproduction:
    """Train and evaluate again by the settings of `run`, taking nothing from the cache, and compare weights, losses,
    answers, scores and verdicts with those of `run`. Called again, it goes on where it was stopped.

    Args:
        run: a finished run of `tune`, by its folder or its name in ``runs``; those inside a study, too.
        output: run folder; "" is the first free ``RUN-again``.

    Raises:
        StoreError: another kind of run, or its data or base has changed since. Else as `tune`.
    """
    return run_reproduction(run, output, observer)
