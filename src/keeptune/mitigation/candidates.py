"""The candidates of a mitigation search after the plain training, the cheapest first."""

from __future__ import annotations

import math
from dataclasses import replace

from keeptune.config.keep import HARNESS
from keeptune.config.schema import Full, MitigationConfig, MitigationSearchConfig, TuneConfig
from keeptune.errors import ConfigError
from keeptune.mitigation.active import extra, setting
from keeptune.mitigation.fit import unfit
from keeptune.mitigation.registry import MITIGATIONS
from keeptune.mitigation.spec import PLAIN, ROUTE, MitigationSpec, parse

ALPHAS = (0.75, 0.5, 0.25)
"""Values of α of the interpolations of the plain training, which need no training."""
INTERPOLATIONS = tuple(PLAIN.interpolated(alpha) for alpha in ALPHAS)


def candidates_of(config: TuneConfig) -> tuple[MitigationSpec, ...]:
    """The candidates after the plain training, in order: the user's, or the default ones that fit the method.

    Raises:
        ConfigError: one of the user's names no mitigation, or cannot be trained; or no plain training can be.
    """
    if config.mitigation_search.auto and (error := unfit(plain_of(config))):
        raise ConfigError(
            f"a mitigation search begins with a training without any mitigation: {error.message}",
            "begin with another --method, or leave --auto out",
        )
    full = isinstance(config.method, Full)
    can_route = config.mitigation_search.can_route and not full
    if config.mitigation_search.candidates:
        given = tuple(parse(text) for text in config.mitigation_search.candidates)
        for candidate in given:
            if math.isnan(candidate.alpha):
                raise ConfigError(f"{candidate} leaves α open, and a search tries each α", "write interpolation=0.5")
            if candidate.routed and not can_route:
                raise ConfigError("route is a candidate only for an adapter and with can_route", "add --can-route")
            if error := unfit(candidate_config(candidate, config)):
                raise error
        return given
    candidates = [*((ROUTE,) if can_route else ()), *INTERPOLATIONS, *((parse("lora"),) if full else ())]
    if config.mitigation.replay:
        candidates += [*with_interpolations(parse("replay=0.05")), *with_interpolations(parse("replay=0.25"))]
    candidates.append(parse("smaller=0.3"))
    candidates += [*with_interpolations(parse("self-replay=0.1")), *with_interpolations(parse("kl=0.5"))]
    if config.mitigation.replay:
        candidates += with_interpolations(parse("replay=0.25+kl=0.5"))
    return tuple(candidate for candidate in candidates if not unfit(candidate_config(candidate, config)))


def plain_of(config: TuneConfig) -> TuneConfig:
    """The training without any mitigation, as a run of its own."""
    return replace(_alone(config), mitigation=MitigationConfig(plain=True))


def refuse_other_mitigations(config: TuneConfig) -> None:
    """Refuse mitigations in the settings, because a mitigation search tries each by itself.

    Raises:
        ConfigError: one is.
    """
    found = [(f"--mitigation {part}", str(part)) for part in extra(config)]
    for name in MITIGATIONS.built_in:
        key = MITIGATIONS[name].setting
        if key.startswith("mitigation.") and setting(key, config) != setting(key, TuneConfig()):
            found.append((key, f"{name}={setting(key, config)}"))
    for given, candidate in found:
        raise ConfigError(
            f"{given} is set, and a mitigation search tries each mitigation alone",
            f"make it a candidate, --candidates {candidate}, or leave it out",
        )


def candidate_config(candidate: MitigationSpec, config: TuneConfig) -> TuneConfig:
    """The settings of one candidate.

    Raises:
        ConfigError: it needs old data, and there is none.
    """
    return plain_of(config) if candidate in (PLAIN, ROUTE) else candidate.apply(_alone(config))


def _alone(config: TuneConfig) -> TuneConfig:
    """The settings without mitigations; settings that a candidate may need are kept."""
    given = config.mitigation
    mitigation = MitigationConfig(
        plain=True,
        replay=given.replay,
        self_replay_prompts=given.self_replay_prompts,
        kl_share=given.kl_share,
        kl_tokens=given.kl_tokens,
        kl_on=given.kl_on,
        reference=given.reference,
    )
    return replace(
        config,
        mitigation=mitigation,
        mitigation_search=MitigationSearchConfig(),
        measure=replace(config.measure, extent="none"),
    )


def with_interpolations(candidate: MitigationSpec) -> tuple[MitigationSpec, ...]:
    """A training that forgets little and may gain more than the plain one, with its interpolations at large α."""
    return (candidate, *(candidate.interpolated(alpha) for alpha in ALPHAS[:2]))


def refuse_nothing_to_keep(config: TuneConfig) -> None:
    """Raise ConfigError if no ability is declared by which a mitigation search could choose."""
    measure = config.measure
    if not measure.keep:
        raise ConfigError("the mitigation search needs an ability to keep", "name it with --keep")
    for keep in measure.keep:
        if keep.data.startswith(HARNESS):
            raise ConfigError(
                f"{keep.name} is a task of lm-evaluation-harness, which has no development items of its own",
                "give its items as a file",
            )
