"""Full fine-tuning in the place of an adapter."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from keeptune.config.schema import Full, TuneConfig
from keeptune.mitigation.mitigation import Mitigation
from keeptune.mitigation.registry import MITIGATIONS


def by_default_rate(config: TuneConfig) -> TuneConfig:
    """`config` without its learning rate: full fine-tuning's and an adapter's differ by ten times."""
    return replace(config, training=replace(config.training, lr=None))


def _change(_value: Any, config: TuneConfig) -> TuneConfig:
    return config if isinstance(config.method, Full) else by_default_rate(replace(config, method=Full()))


@MITIGATIONS.register("full")
def full() -> Mitigation:
    """Every weight is trained."""
    return Mitigation(cost="a training", change=_change, active=lambda config: isinstance(config.method, Full))
