"""The default mitigation search: which mitigations are tried after the plain training, the cheapest first."""

from __future__ import annotations

from dataclasses import replace

from keeptune.config.keep import HARNESS
from keeptune.config.schema import Full, MitigationConfig, MitigationSearchConfig, TuneConfig
from keeptune.errors import ConfigError
from keeptune.mitigation.fit import unfit
from keeptune.mitigation.table import MITIGATIONS, apply_mitigations

PLAIN = "plain"
ROUTE = "route"
INTERPOLATION = "interpolation"
INTERPOLATIONS = ("interpolation=0.75", "interpolation=0.5", "interpolation=0.25")
"""They need no training: the plain one's change is made smaller."""


def rungs_of(config: TuneConfig) -> tuple[str, ...]:
    """The candidates after the plain training, in their order: the user's, or those of the default mitigation search
    that the method can have.

    Raises:
        ConfigError: one of the user's names no mitigation, or cannot be trained; or no plain training can be.
    """
    if config.mitigation_search.auto and (error := unfit(plain_of(config))):
        raise ConfigError(
            f"a mitigation search begins with a training without any mitigation: {error.message}",
            "begin with another --method, or leave --auto out",
        )
    full = isinstance(config.method, Full)
    if config.mitigation_search.candidates:
        for candidate in config.mitigation_search.candidates:
            if candidate == ROUTE and (full or not config.mitigation_search.can_route):
                raise ConfigError("route is a candidate only for an adapter and with can_route", "add --can-route")
            if error := unfit(candidate_config(candidate, config)):
                raise error
        return config.mitigation_search.candidates
    candidates = [ROUTE] if config.mitigation_search.can_route and not full else []
    candidates += INTERPOLATIONS
    if full:
        candidates.append("lora")
    if config.mitigation.replay:
        candidates += [*with_interpolations("replay=0.05"), *with_interpolations("replay=0.25")]
    candidates += ["smaller=0.3", *with_interpolations("self-replay=0.1"), *with_interpolations("kl=0.5")]
    if config.mitigation.replay:
        candidates += with_interpolations("replay=0.25+kl=0.5")
    return tuple(candidate for candidate in candidates if not unfit(candidate_config(candidate, config)))


def plain_of(config: TuneConfig) -> TuneConfig:
    """The training without any mitigation, as a run of its own."""
    return replace(_alone(config), mitigation=MitigationConfig())


def refuse_other_mitigations(config: TuneConfig) -> None:
    """A mitigation search tries each mitigation alone, so none can be set beside it.

    Raises:
        ConfigError: one is.
    """
    for row in MITIGATIONS.values():
        section, _, name = row.setting.partition(".")
        if section != "mitigation":
            continue
        given = getattr(config.mitigation, name)
        if given != getattr(MitigationConfig(), name):
            raise ConfigError(
                f"{row.setting} is set, and a mitigation search tries each mitigation alone",
                f"make it a candidate, --candidates {row.name}={given}, or leave it out",
            )


def candidate_config(candidate: str, config: TuneConfig) -> TuneConfig:
    """The settings of one candidate.

    Raises:
        ConfigError: it names no mitigation.
    """
    return plain_of(config) if candidate in (PLAIN, ROUTE) else apply_mitigations(candidate, _alone(config))


def _alone(config: TuneConfig) -> TuneConfig:
    """Without any mitigation; what a candidate may need for its own stays."""
    given = config.mitigation
    mitigation = MitigationConfig(
        given.replay, self_replay_prompts=given.self_replay_prompts, kl_on=given.kl_on, reference=given.reference
    )
    return replace(
        config,
        mitigation=mitigation,
        mitigation_search=MitigationSearchConfig(),
        measure=replace(config.measure, extent="none"),
    )


def with_interpolations(candidate: str) -> tuple[str, ...]:
    """A training that forgets little and may gain more than the plain one, and the larger shares of its change."""
    return (candidate, *(f"{candidate}+{interpolation}" for interpolation in INTERPOLATIONS[:2]))


def training_of(candidate: str) -> str:
    """The candidate whose trained weights this one uses: itself, or without its interpolation."""
    parts = [part.strip() for part in candidate.split("+")]
    return "+".join(part for part in parts if part != ROUTE and part.partition("=")[0] != INTERPOLATION) or PLAIN


def alpha_of(candidate: str) -> float:
    """The share of its training's change that the candidate keeps."""
    parts = (part.strip().partition("=") for part in candidate.split("+"))
    return next((float(share or 0.5) for name, _, share in parts if name == INTERPOLATION), 1.0)


def cost_of(candidate: str) -> str:
    """In words."""
    if candidate in (PLAIN, ROUTE):
        return "the training itself" if candidate == PLAIN else "nothing"
    return ", ".join(MITIGATIONS[part.partition("=")[0].strip()].cost for part in candidate.split("+"))


def refuse_nothing_to_keep(config: TuneConfig) -> None:
    """Raises ConfigError where nothing is declared that a mitigation search could choose by."""
    measure = config.measure
    if not measure.keep:
        raise ConfigError("the mitigation search needs to know what must be kept", "name it with --keep")
    for keep in measure.keep:
        if keep.data.startswith(HARNESS):
            raise ConfigError(
                f"{keep.name} is a task of lm-evaluation-harness, which has no development items of its own",
                "give its items as a file",
            )
