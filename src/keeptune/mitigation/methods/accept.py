"""Accept what is forgotten: the training as the settings have it."""

from __future__ import annotations

from keeptune.mitigation.mitigation import Mitigation
from keeptune.mitigation.registry import MITIGATIONS


@MITIGATIONS.register("accept")
def accept() -> Mitigation:
    """The settings as they are, without rows of old tasks."""
    return Mitigation(cost="nothing", change=lambda _, config: config, active=lambda _: False)
