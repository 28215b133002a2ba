"""`keeptune.check`: everything about data and settings that can be known before a model's weights load; the settings by
what `tune` itself begins with."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from keeptune.config.schema import TuneConfig
from keeptune.data.check_report import CheckReport
from keeptune.data.encode import Encoder
from keeptune.data.token_lengths import CountTokens
from keeptune.data.validate import check_data
from keeptune.errors import ConfigError, KeeptuneError, MissingDependency, ModelError
from keeptune.events import Notice, Observer, shown
from keeptune.experiments.tuning import refuse_start
from keeptune.inference.encoding import make_encoder, tell_control_tokens, token_counter
from keeptune.records import Example
from keeptune.report.progress import shows_progress
from keeptune.workspace.lineage import of_run


@shows_progress
def check(config: TuneConfig, observer: Observer = shown) -> CheckReport:
    """Look through the data and settings of `config`; what is bad is reported, not raised.

    Lengths in tokens need the model's tokenizer; where that cannot be loaded they are left out, and an event
    says so.
    """
    encoder = _encoder(config, observer)
    count, limit = (None, None) if encoder is None else (_counter(encoder, observer), encoder.max_length)
    report = check_data(config.data, count, limit, config.evaluation.metrics)
    if report.errors or config.data.train is None:
        return report
    try:
        refuse_start(config)
    except KeeptuneError as error:
        return dataclasses.replace(report, refusal=str(error))
    return report


def _counter(encoder: Encoder, observer: Observer) -> CountTokens:
    count = token_counter(encoder)

    def told(examples: Sequence[Example]) -> Sequence[tuple[int, int]]:
        tell_control_tokens(encoder, examples, "rows", observer)
        return count(examples)

    return told


def _encoder(config: TuneConfig, observer: Observer) -> Encoder | None:
    try:
        return make_encoder(of_run(config.model), config.data, config.method)
    except (ConfigError, ModelError, MissingDependency) as error:
        observer(Notice("no-lengths", f"lengths in tokens are left out: {error.message}; {error.fix}"))
        return None
