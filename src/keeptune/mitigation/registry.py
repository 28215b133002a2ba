"""The mitigations, by name: those of `mitigation.methods`, and those that installed packages add."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from keeptune.errors import ConfigError
from keeptune.mitigation.mitigation import Mitigation
from keeptune.registry import Registry


def _made(name: str, make: Callable[[], Any]) -> Mitigation:
    made = make()
    if not isinstance(made, Mitigation):
        raise ConfigError(f"the mitigation {name!r} is a {type(made).__name__}", "register a function → Mitigation")
    return replace(made, name=name)


MITIGATIONS: Registry[Mitigation] = Registry(
    "mitigation", "keeptune.mitigations", built_in="keeptune.mitigation.methods", adapt=_made
)
"""Name → mitigation. A registered function makes it."""
