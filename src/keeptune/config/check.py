"""Checks of complete settings, whether they come from Python, a file or flags."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection

from keeptune.config.given import Given
from keeptune.config.keep import check_keep
from keeptune.config.schema import TuneConfig
from keeptune.config.settings import SECTIONS, SETTINGS
from keeptune.config.values import checked
from keeptune.errors import ConfigError

OUTCOMES = ("fail", "inconclusive")
KEEP = "measure.keep"
Named = Callable[[str], Given]
"""Key of a setting → its Given, which names it as the user wrote it."""


def check_config(config: TuneConfig, metrics: Collection[str]) -> None:
    """Check type and range of every setting, and settings that exclude each other.

    Raises:
        ConfigError: the setting is named by its key.
    """
    values = {
        f"{section}.{field.name}": getattr(getattr(config, section), field.name)
        for section in SECTIONS
        for field in dataclasses.fields(getattr(config, section))
    }
    for key, value in values.items():
        setting = SETTINGS[key]
        if key == KEEP:
            for keep in value:
                check_keep(Given(key, keep, key), keep, metrics)
        elif key != "method.kind" and not (setting.optional and value is None):
            checked(Given(key, value, key), setting)
    check_together(config, lambda key: Given(key, values.get(key), key))


def check_together(config: TuneConfig, named: Named) -> None:
    """Raises ConfigError for settings that exclude one another."""
    data, names = config.data, [keep.name for keep in config.measure.keep]
    for name in names:
        if names.count(name) > 1:
            raise named(KEEP).wrong(f"names {name} twice", "give each ability once")
    if data.train is not None and data.train == data.test:
        raise named("data.test").wrong(
            f"is {data.test}, the train data too",
            "give other rows, or leave test out to score on a held-out part of train",
        )
    if config.training.select_by == "metric" and data.validation_fraction == 0:
        raise named("training.select_by").wrong(
            "is metric, but validation_fraction is 0: nothing to choose by", "raise validation_fraction"
        )
    if config.measure.keep and config.measure.extent == "none":
        raise named("measure.extent").wrong(
            "is none, so the abilities in keep would not be measured", "leave one of the two out"
        )
    outcomes = config.measure.fail_on
    if outcomes != ("none",) and not set(outcomes) <= set(OUTCOMES):
        raise named("measure.fail_on").wrong(
            f"cannot be {', '.join(outcomes)!r}", f"one or both of: {', '.join(OUTCOMES)}; or none"
        )
    if config.resume and not config.output:
        raise ConfigError(f"{named('resume').said} needs the run's folder", "name it with --output")
