"""`keeptune.measure`: any two models, made by any tool: what was gained, what was lost, and whether that matters."""

from __future__ import annotations

import dataclasses

from keeptune.abilities.declared import declared_items
from keeptune.abilities.preflight import refuse_not_evaluable
from keeptune.assessment.assess import Forgetting, Task
from keeptune.assessment.logs import is_log, measure_logs, refuse_asking
from keeptune.config.schema import MeasureRun
from keeptune.data.split import limit_examples
from keeptune.data.task_metrics import choose
from keeptune.data.task_rows import labelled, load_told, rows_of_user
from keeptune.errors import ConfigError
from keeptune.events import Event, Notice, Observer, RunStarted, shown
from keeptune.inference.encoding import make_encoder, new_tokens
from keeptune.inference.evaluator import Evaluator
from keeptune.records import ForgettingReport
from keeptune.report.progress import shows_progress
from keeptune.training.task_format import as_trained
from keeptune.training.trained_items import items_trained_on
from keeptune.workspace.lineage import of_run
from keeptune.workspace.runs import goes_on, open_run
from keeptune.workspace.task_name import short_model


@shows_progress
def measure(config: MeasureRun, observer: Observer = shown) -> ForgettingReport:
    """Ask both models about the abilities (and the task, where items are given), and leave a report in a run folder.

    Two finished logs of lm-evaluation-harness (files of ``--log_samples``, or their folders) may stand in the place
    of the models: then nothing is asked, and their records are compared.

    Raises:
        KeeptuneError: see the tree in `keeptune.errors`; nothing that was there before is changed by a failure.
    """
    notices: list[str] = []

    def told(event: Event, /) -> None:
        if isinstance(event, Notice):
            notices.append(event.message)
        observer(event)

    logs = [is_log(model.name) for model in (config.base, config.tuned)]
    if logs[0] != logs[1]:
        raise ConfigError(
            f"{(config.base if logs[0] else config.tuned).name} is a log of lm-evaluation-harness and the other is not",
            "give two models, or two logs",
        )
    if not all(logs):
        config = dataclasses.replace(config, base=of_run(config.base), tuned=of_run(config.tuned))
        if config.data.test is not None:
            config = dataclasses.replace(config, data=as_trained(config.tuned, config.data, told))
    name = f"measure-{short_model(config.tuned.name)}"
    with open_run(config.output, name, resume=goes_on(config.output, config)) as run:
        told(RunStarted(str(run)))
        if all(logs):
            refuse_asking(config)
            return measure_logs(config, run, notices, told)
        for model in (config.base, config.tuned):
            refuse_not_evaluable(model, config.evaluation, config.measure)
        declared_items(config.measure, rows_of_user(config.data), make_encoder(config.base, config.data))
        run.write_settings(config)
        task = _ask_task(config, told) if config.data.test is not None else None
        forgetting = Forgetting(
            config.base,
            config.tuned,
            config.measure,
            rows_of_user(config.data),
            config.evaluation.token_budget,
            run,
            told,
        )
        return forgetting(task, notices)


def _ask_task(config: MeasureRun, observer: Observer) -> Task:
    """Both models on the items of the task."""
    data = config.data
    read = load_told(str(data.test), data, "test", observer).examples
    pool = items = labelled((), read, data, observer).test
    if data.limit_test is not None:
        items = limit_examples(items, data.limit_test, seed=0)
    metrics = choose(config.evaluation, items, pool)
    observer(Notice("metric", f"{metrics.primary.name}: {metrics.reason}"))
    records = {}
    room = None
    for name, model in (("base", config.base), ("tuned", config.tuned)):
        encoder = make_encoder(model, data)
        room = room or new_tokens(config.evaluation, encoder, items)
        evaluator = Evaluator(encoder, metrics, room, config.evaluation.token_budget, observer)
        records[name] = evaluator.evaluate(evaluator.load(model), items, items, f"the task ({name})", cache=True)
    return Task(
        items, records["base"], records["tuned"], metrics.primary, items_trained_on(config.tuned, items, observer)
    )
