"""`keeptune.rescue`: restores abilities that a tuned model lost, by interpolation first, then by short repairs."""

from __future__ import annotations

from keeptune.config.schema import ModelConfig, TuneConfig
from keeptune.events import Observer, shown
from keeptune.experiments.rescue import run_rescue
from keeptune.records import ForgettingReport
from keeptune.report.progress import shows_progress


@shows_progress
def rescue(config: TuneConfig, tuned: ModelConfig, observer: Observer = shown) -> ForgettingReport:
    """Find the cheapest change of `tuned` that keeps what was declared, and leave it with a report in a run folder.

    Args:
        config: `model` is the base; `data.test` holds items of the task, to see its gain; with `data.train`, its rows,
            short repairs are tried too.
        tuned: full weights or an adapter, made from that base by any tool.

    Raises:
        KeeptuneError: see the tree in `keeptune.errors`; nothing that was there before is changed by a failure.
    """
    return run_rescue(config, tuned, observer)
