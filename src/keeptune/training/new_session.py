"""Make a Session from settings, with every check that needs no model weights. `check` runs the same code."""

from __future__ import annotations

from dataclasses import replace

from keeptune.abilities.declared import declared_items
from keeptune.abilities.previous_tasks import protect_previous_tasks
from keeptune.config.affects import without_effect
from keeptune.config.schema import TuneConfig
from keeptune.data.encode import Encoder
from keeptune.data.task_metrics import choose
from keeptune.data.task_rows import EMBEDDED, Rows, load_rows, rows_of_user
from keeptune.errors import DataError
from keeptune.events import Notice, NoticeLog, Observer, silent
from keeptune.inference.encoding import make_encoder
from keeptune.mitigation.active import adds_base_rows
from keeptune.mitigation.candidates import candidates_of, refuse_nothing_to_keep, refuse_other_mitigations
from keeptune.mitigation.mix import without_prompts
from keeptune.training.preflight import preflight
from keeptune.training.session import Session
from keeptune.workspace.lineage import of_run
from keeptune.workspace.workspace import Workspace

DEV_FRACTION = 0.3
"""Default share of the user's items that are development items in a mitigation search."""
PROMPT_FRACTION = 0.1
"""Default share of the user's items whose prompts the base answers for the KL."""


def new_session(config: TuneConfig, run: Workspace, observer: Observer) -> Session:
    """Check the settings, read the rows, and choose the metrics of a run in the folder `run`. It writes nothing.

    Args:
        observer: a `NoticeLog` is the session's own; of another one is made.

    Raises:
        KeeptuneError: see the tree in `keeptune.errors`; the cheapest check comes first.
    """
    observer = observer if isinstance(observer, NoticeLog) else NoticeLog(observer)
    preflight(config)
    if config.mitigation_search.auto:
        refuse_nothing_to_keep(config)
        refuse_other_mitigations(config)
    if config.mitigation_search.auto or config.mitigation_search.candidates:
        candidates_of(config)
    config = protect_previous_tasks(config, observer)
    encoder = make_encoder(of_run(config.model), config.data, config.method)
    rows = load_rows(config, observer)
    metrics = choose(config.evaluation, rows.test, rows.pool)
    observer(Notice("metric", f"{metrics.primary.name}: {metrics.reason}"))
    config = with_items_apart(config)
    rows = without_kept_items(config, rows, encoder, observer)
    for key, why in without_effect(config).items():
        # The built-in task limits its rows by itself.
        if key != "data.draw" or config.data.train != EMBEDDED:
            observer(Notice("no effect", f"{key} changes nothing {why}"))
    return Session(config, run, rows, encoder, metrics, observer, observer.messages)


def rows_of(config: TuneConfig) -> Rows:
    """The rows on which `tune` trains and scores with these settings."""
    config = protect_previous_tasks(config, silent)
    encoder = make_encoder(of_run(config.model), config.data, config.method)
    return without_kept_items(config, load_rows(config, silent), encoder, silent)


def without_kept_items(config: TuneConfig, rows: Rows, encoder: Encoder, observer: Observer) -> Rows:
    """`rows` without the items that decide whether an ability was kept: a model that learned them would only seem to
    keep it. This reads the declared abilities, before anything is trained, and refuses what cannot be evaluated."""
    if config.measure.extent == "none":
        return rows
    train, validation = rows.train, rows.validation
    for items in declared_items(config.measure, rows_of_user(config.data), encoder):
        train, validation = without_prompts(train, items), without_prompts(validation, items)
    left_out = len(rows.train) + len(rows.validation) - len(train) - len(validation)
    if not left_out:
        return rows
    observer(Notice("kept items", f"{left_out} train rows left out: they are items of a declared ability"))
    if not train:
        raise DataError("every train row is an item of a declared ability", "keep other items, or train on others")
    return replace(rows, train=train, validation=validation)


def with_items_apart(config: TuneConfig) -> TuneConfig:
    """`config` with development items where the run chooses a mitigation by them, and with items whose prompts the
    base answers where a mitigation has it write text."""
    searches = config.mitigation_search.auto
    if config.measure.prompt_fraction is None:
        fraction = PROMPT_FRACTION if searches or adds_base_rows(config) else 0.0
        config = replace(config, measure=replace(config.measure, prompt_fraction=fraction))
    return with_development_items(config) if searches else config


def with_development_items(config: TuneConfig) -> TuneConfig:
    """`config` with a share of the user's own items as development items, by which a mitigation is chosen."""
    fraction = config.measure.dev_fraction or DEV_FRACTION
    return replace(config, measure=replace(config.measure, dev_fraction=fraction))
