"""`keeptune.check`: everything about data and settings that can be known before a model's weights load."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from keeptune.api.evaluate import of_run
from keeptune.api.prepare import make_encoder
from keeptune.config.schema import TuneConfig
from keeptune.data.check_report import CheckReport
from keeptune.data.encode import Encoder
from keeptune.data.token_lengths import CountTokens
from keeptune.data.validate import check_data
from keeptune.errors import MissingDependency, ModelError
from keeptune.events import Notice, Observer, shown
from keeptune.records import Example
from keeptune.report.progress import shows_progress


@shows_progress
def check(config: TuneConfig, observer: Observer = shown) -> CheckReport:
    """Look through the data of `config`; bad data is reported, not raised.

    Lengths in tokens need the model's tokenizer; where that cannot be loaded they are left out, and an event
    says so.

    Raises:
        ConfigError: settings that do not fit together.
    """
    encoder = _encoder(config, observer)
    if encoder is None:
        return check_data(config.data)
    return check_data(config.data, token_counter(encoder), encoder.max_length)


def _encoder(config: TuneConfig, observer: Observer) -> Encoder | None:
    try:
        return make_encoder(of_run(config.model), config.data, config.method)
    except (ModelError, MissingDependency) as error:
        observer(Notice("no-lengths", f"lengths in tokens are left out: {error.message}; {error.fix}"))
        return None


def token_counter(encoder: Encoder) -> CountTokens:
    """Counts the tokens of examples before anything is cut."""
    whole = dataclasses.replace(encoder, max_length=1 << 30)

    def count(examples: Sequence[Example]) -> list[tuple[int, int]]:
        return [(len(whole.prompt(e)[0]), len(whole.completion(e, e.completion))) for e in examples]

    return count
