"""Each parameter-efficient method of `models.adapters`: fewer trained weights, as a rule, forget less."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from keeptune.config.schema import Adapter, TuneConfig
from keeptune.errors import ConfigError
from keeptune.mitigation.methods.full import by_default_rate
from keeptune.mitigation.mitigation import Mitigation
from keeptune.mitigation.registry import MITIGATIONS
from keeptune.models.adapters import METHODS, AdapterMethod


def adapter_method(config: TuneConfig) -> AdapterMethod | None:
    """The row of the adapter that these settings train; None for full fine-tuning."""
    return METHODS.get(config.method.kind) if isinstance(config.method, Adapter) else None


def _maker(method: AdapterMethod) -> Callable[[], Mitigation]:
    def change(_value: Any, config: TuneConfig) -> TuneConfig:
        if isinstance(config.method, Adapter):
            return replace(config, method=replace(config.method, kind=method.name))
        return by_default_rate(replace(config, method=Adapter(method.name)))

    def make() -> Mitigation:
        return Mitigation(
            cost="a training",
            needs="old data" if method.needs_rows else "nothing",
            source=method.paper,
            change=change,
            active=lambda config: adapter_method(config) is method,
            unfit=_without_rows if method.needs_rows else None,
        )

    return make


def _without_rows(_value: Any, config: TuneConfig) -> ConfigError | None:
    mitigation = config.mitigation
    if (mitigation.replay and mitigation.replay_fraction) or mitigation.self_replay:
        return None
    return ConfigError(f"{config.method.kind} needs rows of old tasks", "give rows of old tasks with --replay")


for _method in METHODS.values():
    MITIGATIONS.register(_method.name)(_maker(_method))
