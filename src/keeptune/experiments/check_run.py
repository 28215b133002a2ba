"""Look through data and settings before a model's weights load: for `check`, and for `init`, which writes settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from keeptune.config.schema import TuneConfig
from keeptune.data.check_report import CheckReport
from keeptune.data.encode import Encoder
from keeptune.data.token_lengths import CountTokens
from keeptune.data.validate import check_data
from keeptune.errors import ConfigError, KeeptuneError, MissingDependency, ModelError
from keeptune.events import Notice, Observer
from keeptune.experiments.tuning import refuse_start
from keeptune.inference.encoding import make_encoder, tell_control_tokens, token_counter
from keeptune.records import Example
from keeptune.workspace.lineage import of_run


def check_run(config: TuneConfig, encoder: Encoder | None, observer: Observer) -> CheckReport:
    """What is bad about the data and settings of `config`; it is reported, not raised.

    `encoder` counts tokens; None leaves the lengths out.
    """
    count, limit = (None, None) if encoder is None else (_counter(encoder, observer), encoder.max_length)
    report = check_data(config.data, count, limit, config.evaluation.metrics)
    if report.errors or config.data.train is None:
        return report
    try:
        refuse_start(config)
    except KeeptuneError as error:
        return dataclasses.replace(report, refusal=str(error))
    return report


def encoder_without_weights(config: TuneConfig, observer: Observer) -> Encoder | None:
    """The encoder of the model that `config` names; None, and an event, where its tokenizer cannot be loaded."""
    try:
        return make_encoder(of_run(config.model), config.data, config.method)
    except (ConfigError, ModelError, MissingDependency) as error:
        observer(Notice("no-lengths", f"lengths in tokens are left out: {error.message}; {error.fix}"))
        return None


def _counter(encoder: Encoder, observer: Observer) -> CountTokens:
    count = token_counter(encoder)

    def told(examples: Sequence[Example]) -> Sequence[tuple[int, int]]:
        tell_control_tokens(encoder, examples, "rows", observer)
        return count(examples)

    return told
