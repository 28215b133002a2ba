"""Routing: the adapter stays apart, and the base answers every request that is not the task's."""

from __future__ import annotations

from keeptune.mitigation.mitigation import Mitigation
from keeptune.mitigation.registry import MITIGATIONS


@MITIGATIONS.register("route")
def route() -> Mitigation:
    """The plain training's model for the task, the base for the rest."""
    return Mitigation(cost="nothing", routes=True, change=lambda _, config: config, active=lambda _: False)
