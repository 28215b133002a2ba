"""The default ladder: which remedies are tried after the plain training, the cheapest first."""

from __future__ import annotations

from dataclasses import replace

from keeptune.config.keep import HARNESS
from keeptune.config.schema import Full, LadderConfig, MendConfig, TuneConfig
from keeptune.errors import ConfigError
from keeptune.mitigation.fit import unfit
from keeptune.mitigation.table import MITIGATIONS, apply_mitigations

PLAIN = "plain"
ROUTE = "route"
DIAL = "dial"
DIALS = ("dial=0.75", "dial=0.5", "dial=0.25")
"""They need no training: the plain one's change is made smaller."""


def rungs_of(config: TuneConfig) -> tuple[str, ...]:
    """The rungs after the plain training, in their order: the user's, or those of the default ladder that the method
    can have.

    Raises:
        ConfigError: one of the user's names no mitigation, or cannot be trained; or no plain training can be.
    """
    if config.ladder.auto and (error := unfit(plain_of(config))):
        raise ConfigError(
            f"a ladder begins with a training without any remedy: {error.message}",
            "begin with another --method, or leave --auto out",
        )
    full = isinstance(config.method, Full)
    if config.ladder.rungs:
        for rung in config.ladder.rungs:
            if rung == ROUTE and (full or not config.ladder.can_route):
                raise ConfigError("route is a rung only for an adapter and with can_route", "add --can-route")
            if error := unfit(rung_config(rung, config)):
                raise error
        return config.ladder.rungs
    rungs = [ROUTE] if config.ladder.can_route and not full else []
    rungs += DIALS
    if full:
        rungs.append("lora")
    if config.mend.replay:
        rungs += [*with_dials("replay=0.05"), *with_dials("replay=0.25")]
    rungs += ["smaller=0.3", *with_dials("self-replay=0.1"), *with_dials("kl=0.5")]
    if config.mend.replay:
        rungs += with_dials("replay=0.25+kl=0.5")
    return tuple(rung for rung in rungs if not unfit(rung_config(rung, config)))


def plain_of(config: TuneConfig) -> TuneConfig:
    """The training without any remedy, as a run of its own."""
    return replace(_alone(config), mend=MendConfig())


def refuse_other_remedies(config: TuneConfig) -> None:
    """A ladder tries each remedy alone, so none can be set beside it.

    Raises:
        ConfigError: one is.
    """
    for row in MITIGATIONS.values():
        section, _, name = row.setting.partition(".")
        if section != "mend":
            continue
        given = getattr(config.mend, name)
        if given != getattr(MendConfig(), name):
            raise ConfigError(
                f"{row.setting} is set, and a ladder tries each remedy alone",
                f"make it a rung, --rungs {row.name}={given}, or leave it out",
            )


def rung_config(rung: str, config: TuneConfig) -> TuneConfig:
    """The settings of one rung.

    Raises:
        ConfigError: it names no mitigation.
    """
    return plain_of(config) if rung in (PLAIN, ROUTE) else apply_mitigations(rung, _alone(config))


def _alone(config: TuneConfig) -> TuneConfig:
    """Without any remedy; what a rung may need for its own stays."""
    given = config.mend
    mend = MendConfig(
        given.replay, self_replay_prompts=given.self_replay_prompts, kl_on=given.kl_on, reference=given.reference
    )
    return replace(config, mend=mend, ladder=LadderConfig(), measure=replace(config.measure, extent="none"))


def with_dials(rung: str) -> tuple[str, ...]:
    """A training that forgets little and may gain more than the plain one, and the larger shares of its change."""
    return (rung, *(f"{rung}+{dial}" for dial in DIALS[:2]))


def training_of(rung: str) -> str:
    """The rung whose trained weights this one uses: itself, or without its dial."""
    parts = [part.strip() for part in rung.split("+")]
    return "+".join(part for part in parts if part != ROUTE and part.partition("=")[0] != DIAL) or PLAIN


def dial_of(rung: str) -> float:
    """The share of its training's change that the rung keeps."""
    parts = (part.strip().partition("=") for part in rung.split("+"))
    return next((float(share or 0.5) for name, _, share in parts if name == DIAL), 1.0)


def cost_of(rung: str) -> str:
    """In words."""
    if rung in (PLAIN, ROUTE):
        return "the training itself" if rung == PLAIN else "nothing"
    return ", ".join(MITIGATIONS[part.partition("=")[0].strip()].cost for part in rung.split("+"))


def refuse_nothing_to_keep(config: TuneConfig) -> None:
    """Raises ConfigError where nothing is declared that a ladder could choose by."""
    measure = config.measure
    if not measure.keep:
        raise ConfigError("the ladder needs to know what must be kept", "name it with --keep")
    for keep in measure.keep:
        if keep.data.startswith(HARNESS):
            raise ConfigError(
                f"{keep.name} is a task of lm-evaluation-harness, which has no development items of its own",
                "give its items as a file",
            )
