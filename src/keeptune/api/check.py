"""`keeptune.check`: everything about data and settings that can be known before a model's weights load; the settings by
what `tune` itself begins with."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from keeptune.api.evaluate import of_run
from keeptune.api.prepare import make_encoder
from keeptune.api.tune import refuse_start
from keeptune.config.schema import TuneConfig
from keeptune.data.check_report import CheckReport
from keeptune.data.encode import Encoder
from keeptune.data.token_lengths import CountTokens
from keeptune.data.validate import check_data
from keeptune.errors import ConfigError, KeeptuneError, MissingDependency, ModelError
from keeptune.events import Notice, Observer, shown
from keeptune.records import Example
from keeptune.report.progress import shows_progress


@shows_progress
def check(config: TuneConfig, observer: Observer = shown) -> CheckReport:
    """Look through the data and settings of `config`; what is bad is reported, not raised.

    Lengths in tokens need the model's tokenizer; where that cannot be loaded they are left out, and an event
    says so.
    """
    encoder = _encoder(config, observer)
    count, limit = (None, None) if encoder is None else (token_counter(encoder), encoder.max_length)
    report = check_data(config.data, count, limit, config.evaluation.metrics)
    if report.errors or config.data.train is None:
        return report
    try:
        refuse_start(config)
    except KeeptuneError as error:
        return dataclasses.replace(report, refusal=str(error))
    return report


def _encoder(config: TuneConfig, observer: Observer) -> Encoder | None:
    try:
        return make_encoder(of_run(config.model), config.data, config.method)
    except (ConfigError, ModelError, MissingDependency) as error:
        observer(Notice("no-lengths", f"lengths in tokens are left out: {error.message}; {error.fix}"))
        return None


def token_counter(encoder: Encoder) -> CountTokens:
    """Counts the tokens of examples before anything is cut."""
    whole = dataclasses.replace(encoder, max_length=1 << 30)

    def count(examples: Sequence[Example]) -> list[tuple[int, int]]:
        return [(len(whole.prompt(e)[0]), len(whole.completion(e, e.completion))) for e in examples]

    return count
