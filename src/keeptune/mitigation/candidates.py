"""Which trainings a mitigation search tries, the cheapest first; α of each is found as it goes."""

from __future__ import annotations

import math
from dataclasses import replace

from keeptune.config.keep import HARNESS
from keeptune.config.schema import Full, MitigationConfig, MitigationSearchConfig, TuneConfig
from keeptune.errors import ConfigError
from keeptune.mitigation.active import extra, setting
from keeptune.mitigation.default import DEFAULT
from keeptune.mitigation.fit import unfit
from keeptune.mitigation.registry import MITIGATIONS
from keeptune.mitigation.spec import PLAIN, ROUTE, MitigationSpec, parse

REPLAY, SELF_REPLAY, ADAPTER = "replay=0.05", "self-replay=0.2", "lora"
"""What is added to the held training where that is not enough. In the recorded searches, a smaller learning rate, more
replay and an adapter alone were never enough."""


def candidates_of(config: TuneConfig) -> tuple[MitigationSpec, ...]:
    """The trainings that are tried, in their order, and `route`: the default mitigation's first, or the plain one where
    the settings ask for it, requests can be routed, or the user names the candidates after it.

    Raises:
        ConfigError: one of the user's names no mitigation, or cannot be trained; or the first cannot be.
    """

    def fits(candidate: MitigationSpec) -> bool:
        return unfit(candidate_config(candidate, config)) is None

    search = config.mitigation_search
    full = isinstance(config.method, Full)
    can_route = search.can_route and not full
    given = _given(config, can_route=can_route)
    held = parse(DEFAULT).training
    held = held if fits(held) else PLAIN
    first = PLAIN if given or can_route or config.mitigation.plain else held
    if search.auto and (error := unfit(candidate_config(first, config))):
        raise ConfigError(
            f"a mitigation search begins with a training without any mitigation: {error.message}",
            "begin with another --method, or leave --auto out",
        )
    if given:
        return tuple(dict.fromkeys((first, *given)))
    added = (*((REPLAY,) if config.mitigation.replay else ()), SELF_REPLAY, *((ADAPTER,) if full else ()))
    after = (held, *(MitigationSpec((*parse(name).parts, *held.parts)) for name in added))
    found = (first, *((ROUTE,) if can_route else ()), *filter(fits, after))
    return tuple(dict.fromkeys(found))


def _given(config: TuneConfig, *, can_route: bool) -> tuple[MitigationSpec, ...]:
    given = tuple(parse(text) for text in config.mitigation_search.candidates)
    for candidate in given:
        if math.isnan(candidate.alpha):
            raise ConfigError(f"{candidate} leaves α open, and a search tries each α", "write interpolation=0.5")
        if candidate.routed and not can_route:
            raise ConfigError("route is a candidate only for an adapter and with can_route", "add --can-route")
        if error := unfit(candidate_config(candidate, config)):
            raise error
    return given


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
        is_open = math.isnan(parse(candidate).alpha)
        raise ConfigError(
            f"{given} is set, and a mitigation search chooses the mitigations itself",
            "leave it out: the search chooses α"
            if is_open
            else f"make it a candidate, --candidates {candidate}, or leave it out",
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
        kl_gradient=given.kl_gradient,
        reference=given.reference,
    )
    return replace(
        config,
        mitigation=mitigation,
        mitigation_search=MitigationSearchConfig(),
        measure=replace(config.measure, extent="none"),
    )


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
