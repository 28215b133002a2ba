"""Checks of complete settings, whether they come from Python, a file or flags."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from typing import Any

from keeptune.config.canonical import Canonical
from keeptune.config.given import Given
from keeptune.config.keep import read_keep
from keeptune.config.schema import Keep, TuneConfig
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
    sections = {name: getattr(config, name) for name in SECTIONS}
    check_sections(sections, metrics)
    for key in ("output", "resume"):
        if getattr(config, key) != SETTINGS[key].default:
            _check_value(Given(key, getattr(config, key), key))
    values = _values(sections)
    check_together(config, lambda key: Given(key, values.get(key), key))


def check_sections(sections: Mapping[str, Any], metrics: Collection[str]) -> None:
    """Check type and range of every setting of some sections, by their names.

    Raises:
        ConfigError: the setting is named by its key.
    """
    for name, section in sections.items():
        if not isinstance(section, Canonical):
            wanted = SECTIONS[name].__name__
            raise ConfigError(f"{name} is {section!r}, not a {wanted}", f"write keeptune.{wanted}(…)")
    for key, value in _values(sections).items():
        given = Given(key, value, key)
        if key == KEEP:
            _check_keeps(given, metrics)
        elif not (SETTINGS[key].optional and value is None):
            _check_value(given)


def _values(sections: Mapping[str, Any]) -> dict[str, Any]:
    """Key of a setting → its value."""
    return {
        f"{name}.{field.name}": getattr(section, field.name)
        for name, section in sections.items()
        for field in dataclasses.fields(section)
    }


def _check_value(given: Given) -> None:
    """What a file or a flag may write in several forms, such as a number as text, has one in Python."""
    told = checked(given, SETTINGS[given.key])
    if told is not None and told != given.value:
        raise given.wrong(f"is {given.value!r}", f"write {told!r}")


def _check_keeps(given: Given, metrics: Collection[str]) -> None:
    keeps = given.value if isinstance(given.value, tuple) else (given.value,)
    for keep in keeps:
        if not isinstance(keep, Keep):
            raise given.wrong(f"is {keep!r}, not a Keep", "write keeptune.Keep(NAME, DATA, METRIC, MARGIN)")
        fields = {field.name: getattr(keep, field.name) for field in dataclasses.fields(keep)}
        if read_keep(Given(given.key, [fields], given.key), metrics) != (keep,):
            raise given.wrong(f"has {keep!r}", "give its name, data and metric as texts, and its margin as a number")


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
    if config.training.torch_compile and config.training.gradient_checkpointing:
        raise named("training.torch_compile").wrong(
            "is true, and gradient_checkpointing does not compile the blocks", "leave one of the two out"
        )
    if config.training.optimizer == "adamw_8bit" and config.training.fsdp:
        raise named("training.optimizer").wrong(
            "is adamw_8bit, whose blocks --fsdp does not divide", "leave one of the two out"
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
