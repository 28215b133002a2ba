"""What few bits alone cost: the quantised base beside the whole one, before any training, on the same items."""

from __future__ import annotations

import gc
from dataclasses import replace

from keeptune.assessment.assess import forgetting_of
from keeptune.assessment.task import Task
from keeptune.assessment.task_score import Scored, task_evaluator
from keeptune.commands import command
from keeptune.events import Event, Notice, NoticeLog
from keeptune.models.memory import Meter
from keeptune.models.placement import place
from keeptune.models.quantization import NONE
from keeptune.records import ForgettingReport
from keeptune.training.session import Session

ROOM = 1.5
"""Free memory that is asked for, as a multiple of the whole base's weights: the answers take some, too."""


def quantization_cost(session: Session, scored: Scored, weights: int) -> ForgettingReport | None:
    """Measure it as the run's abilities are; None if the base is whole. Where memory may not hold the whole base, None
    and a notice that says so.

    Args:
        scored: the quantised base's records of the task.
        weights: the model's number of weights.
    """
    base, observer = session.config.model, session.observer
    if base.quantization == NONE:
        return None
    placement = place(base.device, base.dtype)
    need, free = ROOM * weights * placement.dtype.itemsize, Meter(placement.device).free()
    if free is not None and need > free:
        again = command(
            "measure",
            tuned=base.name,
            base=base.name,
            config=session.workspace.settings_file,
            quantization=base.quantization,
            base_quantization=NONE,
            output=f"{session.workspace}-{base.quantization}",
        )
        told = (
            f"what {base.quantization} alone costs the base was not measured: the whole base and its answers may need "
            f"{need / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free; where there is more memory: {again}"
        )
        observer(Notice("quantization", told))
        return None

    def passed_on(event: Event, /) -> None:
        if not isinstance(event, Notice):
            observer(event)

    observer(Notice("quantization", f"the whole base answers, too: what {base.quantization} alone costs it"))
    log = NoticeLog(passed_on)
    inner = replace(session, workspace=session.workspace.of_quantization, observer=log, seconds={})
    whole = replace(base, quantization=NONE)
    with session.timed("quantization"):
        evaluator, items = task_evaluator(inner), session.rows.test
        records = evaluator.evaluate(evaluator.load(whole), items, items, "the whole base", cache=True)
        gc.collect()
        task = Task(items, records, scored.records["base"], session.metrics.primary, None)
        forgetting = forgetting_of(inner, base, extent="quick")
        measure = replace(forgetting.measure, probe=False)
        return replace(forgetting, base=whole, measure=measure)(task, log.messages)
