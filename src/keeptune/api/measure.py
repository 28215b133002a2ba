"""`keeptune.measure`: any two models, made by any tool: what was gained, what was lost, and whether that matters."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from keeptune.api.abilities import declared_items
from keeptune.api.ask import Asker
from keeptune.api.askable import refuse_unaskable
from keeptune.api.evaluate import of_run
from keeptune.api.forget import Forgetting, Task
from keeptune.api.measure_logs import is_log, measure_logs, refuse_asking
from keeptune.api.prepare import choose, labelled, load_told, make_encoder, new_tokens, rows_of_user
from keeptune.api.task_format import as_trained
from keeptune.api.trained_items import items_trained_on
from keeptune.config.schema import MeasureRun
from keeptune.data.split import limit_examples
from keeptune.errors import ConfigError
from keeptune.events import Event, Notice, Observer, RunStarted, shown
from keeptune.models.find import refuse_missing
from keeptune.records import ForgettingReport
from keeptune.report.progress import shows_progress
from keeptune.store.runs import CONFIG, open_run, read_json_object
from keeptune.store.task_name import short_model
from keeptune.store.written import goes_on, write_settings


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
            refuse_unaskable(model, config.evaluation, config.measure)
        declared_items(config.measure, rows_of_user(config.data), make_encoder(config.base, config.data))
        write_settings(run / CONFIG, config)
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


def base_of(tuned: str) -> str:
    """The base that a tuned model names itself: of a run of `tune`, or of an adapter; ``name@revision`` where it was
    one of the hub's revisions.

    Raises:
        ConfigError: it names none.
    """
    refuse_missing(tuned)
    path = Path(tuned).expanduser()
    for file, section, name in (
        (path / CONFIG, "model", "name"),
        (path / "adapter_config.json", None, "base_model_name_or_path"),
    ):
        if file.exists():
            told: Any = read_json_object(file, "name the base with --base")
            if section:
                told = told.get(section)
            base, revision = (told.get(name), told.get("revision")) if isinstance(told, dict) else (None, None)
            if isinstance(base, str) and base:
                of_hub = revision and not Path(base).expanduser().exists()
                return f"{base}@{revision}" if of_hub else base
    raise ConfigError(f"{tuned} does not tell what it was tuned from", "name the base with --base")


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
        asker = Asker(encoder, metrics, room, config.evaluation.token_budget, observer)
        records[name] = asker.ask(asker.load(model), items, items, f"the task ({name})", cache=True)
    return Task(
        items, records["base"], records["tuned"], metrics.primary, items_trained_on(config.tuned, items, observer)
    )
