"""The default ladder: which remedies are tried after the plain training, the cheapest first."""

from __future__ import annotations

from dataclasses import replace

from keeptune.config.schema import Full, LadderConfig, TuneConfig
from keeptune.mitigation.fit import unfit
from keeptune.mitigation.table import MITIGATIONS, apply_mitigations

PLAIN = "plain"
ROUTE = "route"
DIALS = ("dial=0.75", "dial=0.5", "dial=0.25")
"""They need no training: the plain one's change is made smaller."""


def rungs_of(config: TuneConfig) -> tuple[str, ...]:
    """The rungs after the plain training, in their order: the user's, or those of the default ladder that the method
    can have.

    Raises:
        ConfigError: one of the user's names no mitigation, or cannot be trained.
    """
    if config.ladder.rungs:
        for rung in config.ladder.rungs:
            if error := unfit(rung_config(rung, config)):
                raise error
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
    return tuple(rung for rung in rungs if not unfit(rung_config(rung, config)))


def plain_of(config: TuneConfig) -> TuneConfig:
    """The training without any remedy, as a run of its own."""
    return apply_mitigations("accept", _alone(config))


def rung_config(rung: str, config: TuneConfig) -> TuneConfig:
    """The settings of one rung.

    Raises:
        ConfigError: it names no mitigation.
    """
    return plain_of(config) if rung in (PLAIN, ROUTE) else apply_mitigations(rung, _alone(config))


def _alone(config: TuneConfig) -> TuneConfig:
    return replace(config, ladder=LadderConfig(), measure=replace(config.measure, extent="none"))


def needs_training(rung: str) -> bool:
    """Whether it is more than the plain training's weights, used in another way."""
    return rung != ROUTE and any(part.partition("=")[0].strip() != "dial" for part in rung.split("+"))


def cost_of(rung: str) -> str:
    """In words."""
    if rung in (PLAIN, ROUTE):
        return "the training itself" if rung == PLAIN else "nothing"
    return ", ".join(MITIGATIONS[part.partition("=")[0].strip()].cost for part in rung.split("+"))
