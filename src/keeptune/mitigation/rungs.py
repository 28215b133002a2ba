"""The default ladder: which remedies are tried after the plain training, the cheapest first."""

from __future__ import annotations

from dataclasses import replace

from keeptune.config.schema import Full, LadderConfig, MeasureConfig, TuneConfig
from keeptune.mitigation.table import MITIGATIONS, apply_mitigations

PLAIN = "plain"
ROUTE = "route"
DIALS = ("dial=0.75", "dial=0.5", "dial=0.25")
"""They need no training: the plain one's change is made smaller."""


def rungs_of(config: TuneConfig) -> tuple[str, ...]:
    """The rungs after the plain training, in their order: the user's, or the default ladder."""
    if config.ladder.rungs:
        return config.ladder.rungs
    full = isinstance(config.method, Full)
    rungs = [ROUTE] if config.ladder.can_route and not full else []
    rungs += DIALS
    if full:
        rungs.append("lora")
    if config.mend.replay:
        rungs += ["replay=0.05", "replay=0.25"]
    rungs += ["smaller=0.3", "self-replay=0.1", "kl=0.5"]
    if config.mend.replay:
        rungs.append("replay=0.25+kl=0.5")
    return tuple(rungs)


def plain_of(config: TuneConfig) -> TuneConfig:
    """The training without any remedy, as a run of its own."""
    return apply_mitigations("accept", replace(config, ladder=LadderConfig(), measure=MeasureConfig(extent="none")))


def rung_config(rung: str, config: TuneConfig) -> TuneConfig:
    """The settings of one rung.

    Raises:
        ConfigError: it names no mitigation.
    """
    alone = replace(config, ladder=LadderConfig(), measure=MeasureConfig(extent="none"))
    return plain_of(config) if rung in (PLAIN, ROUTE) else apply_mitigations(rung, alone)


def trains_alike(one: TuneConfig, other: TuneConfig) -> bool:
    """Whether the two differ only in what is done after training."""
    return replace(one, mend=replace(one.mend, dial=1.0)) == replace(other, mend=replace(other.mend, dial=1.0))


def cost_of(rung: str) -> str:
    """In words."""
    if rung in (PLAIN, ROUTE):
        return "the training itself" if rung == PLAIN else "nothing"
    return ", ".join(MITIGATIONS[part.partition("=")[0].strip()].cost for part in rung.split("+"))
