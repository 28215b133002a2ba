"""A smaller learning rate: what moves less forgets less. arXiv:2401.05605."""

from __future__ import annotations

from dataclasses import replace

from keeptune.config.schema import TuneConfig
from keeptune.mitigation.mitigation import Mitigation
from keeptune.mitigation.registry import MITIGATIONS


def _change(factor: float, config: TuneConfig) -> TuneConfig:
    return replace(config, training=replace(config.training, lr_factor=config.training.lr_factor * factor))


@MITIGATIONS.register("smaller")
def smaller() -> Mitigation:
    """The learning rate, times the value."""
    return Mitigation(
        cost="a training",
        default=0.3,
        setting="training.lr_factor",
        stronger="smaller",
        source="arXiv:2401.05605",
        change=_change,
    )
