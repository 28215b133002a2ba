"""Measure the change between any two models, or between two logs of lm-evaluation-harness."""

from __future__ import annotations

from dataclasses import replace

from keeptune.abilities.declared import declared_items
from keeptune.abilities.evaluable import refuse_not_evaluable
from keeptune.assessment.assess import Forgetting
from keeptune.assessment.logs import is_log, measure_logs, refuse_asking
from keeptune.assessment.task import Task
from keeptune.config.schema import MeasureRun
from keeptune.data.split import limit_examples
from keeptune.data.task_metrics import choose
from keeptune.data.task_rows import labelled, load_told, rows_of_user
from keeptune.errors import ConfigError
from keeptune.events import Notice, NoticeLog, Observer, RunStarted
from keeptune.inference.encoding import make_encoder, new_tokens
from keeptune.inference.evaluator import Evaluator
from keeptune.inference.task_format import as_trained
from keeptune.records import ForgettingReport
from keeptune.training.trained_items import items_trained_on
from keeptune.workspace.lineage import of_run
from keeptune.workspace.open_run import goes_on, open_run
from keeptune.workspace.task_name import short_model


def run_measure(config: MeasureRun, observer: Observer) -> ForgettingReport:
    """Measure the change between two models, or between two logs of lm-evaluation-harness.

    Raises:
        KeeptuneError: see the tree in `keeptune.errors`. A failure changes no existing file.
    """
    observer = NoticeLog(observer)
    logs = [is_log(model.name) for model in (config.base, config.tuned)]
    if logs[0] != logs[1]:
        raise ConfigError(
            f"{(config.base if logs[0] else config.tuned).name} is a log of lm-evaluation-harness and the other is not",
            "give two models, or two logs",
        )
    if not all(logs):
        config = replace(config, base=of_run(config.base), tuned=of_run(config.tuned))
        bits = [model.quantization for model in (config.base, config.tuned)]
        if bits[0] != bits[1]:
            told = f"the change is that of the quantization, too: {bits[0]} in the base, {bits[1]} in the tuned model"
            observer(Notice("quantization", told))
        if config.data.test is not None:
            config = replace(config, data=as_trained(config.tuned, config.data, observer))
    name = f"measure-{short_model(config.tuned.name)}"
    with open_run(config.output, name, resume=goes_on(config.output, config)) as run:
        observer(RunStarted(str(run)))
        if all(logs):
            refuse_asking(config)
            return measure_logs(config, run, observer.messages, observer)
        for model in (config.base, config.tuned):
            refuse_not_evaluable(model, config.evaluation, config.measure, config.data)
        data = rows_of_user(config.data)
        declared_items(config.measure, data, make_encoder(config.base, config.data))
        run.write_settings(config)
        task = _evaluated_task(config, observer) if config.data.test is not None else None
        budget = config.evaluation.token_budget
        forgetting = Forgetting(config.base, config.tuned, config.measure, data, budget, run, observer)
        return forgetting(task, observer.messages)


def _evaluated_task(config: MeasureRun, observer: Observer) -> Task:
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
