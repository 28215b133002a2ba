"""`keeptune.export`: the tuned model of a run in the layout of another tool, compared there with what was scored."""

from __future__ import annotations

from keeptune.config.sections.export import ExportConfig
from keeptune.events import Observer, shown
from keeptune.experiments.export import run_export
from keeptune.records import ExportReport
from keeptune.report.progress import shows_progress


@shows_progress
def export(config: ExportConfig, observer: Observer = shown) -> tuple[ExportReport, ...]:
    """Export the tuned model of a finished run, have the tool that the format is for load it, and ask it the run's
    items.

    Returns:
        a report of each type that was written, the exported one first.

    Raises:
        KeeptuneError: see the tree in `keeptune.errors`; nothing that was there before is changed by a failure.
    """
    return run_export(config, observer)
