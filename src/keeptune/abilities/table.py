"""Abilities by name: the built-in ones, and those of plugins."""

from __future__ import annotations

from typing import Any

from keeptune.abilities.suite import Suite
from keeptune.errors import ConfigError
from keeptune.registry import Registry


def _as_suite(name: str, registered: Any) -> Suite:
    if not isinstance(registered, Suite) or registered.name != name:
        raise ConfigError(f"the ability {name} is {registered!r:.80}", f"register a Suite whose name is {name!r}")
    return registered


SUITES: Registry[Suite] = Registry(
    "ability", "keeptune.abilities", built_in="keeptune.abilities.suites", adapt=_as_suite
)

_ORDER = (
    "sentiment",
    "topic",
    "entity_typing",
    "entity_recognition",
    "passage_qa",
    "inference",
    "facts",
    "word_meaning",
    "grammar",
    "arithmetic",
    "code_reading",
    "instructions",
    "json_output",
    "language",
)


def by_default() -> tuple[str, ...]:
    """The abilities that are measured where none is named, in the order of reports: the built-in ones. Installing a
    plugin changes no result."""
    return tuple(sorted(SUITES.built_in, key=(*_ORDER, *SUITES.built_in).index))
