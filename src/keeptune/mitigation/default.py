"""The default mitigation: what `tune` does against forgetting where the settings name nothing.

One training that is held to the base on text that the base writes (KL, arXiv:2605.26097), of whose change a share α is
kept (arXiv:2109.01903). It needs no old data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from keeptune.config.schema import TuneConfig
from keeptune.errors import ConfigError
from keeptune.mitigation.active import active, setting
from keeptune.mitigation.fit import unfit
from keeptune.mitigation.spec import PLAIN, MitigationSpec, parse

DEFAULT = "kl=3+interpolation=auto"
SECTION = "mitigation."


def default_for(config: TuneConfig) -> MitigationSpec:
    """As much of the default mitigation as these settings can be trained with; nothing where they name a mitigation, a
    search for one, or ``plain``."""
    config, found = without_default_mitigation(config), PLAIN
    if config.mitigation.plain or config.mitigation_search.auto or _named(config):
        return found
    for part in parse(DEFAULT).parts:
        longer = MitigationSpec((*found.parts, part))
        found = found if unfit(longer.apply(config)) else longer
    return found


def said_of_default(config: TuneConfig) -> str:
    """In a line, that the default mitigation is used, or left out because another is named; "" where these settings
    leave it out by themselves."""
    if (default := default_for(config)) != PLAIN:
        return f"no mitigation is named, so the default is used, {default} (--plain turns it off)"
    if config.mitigation.plain or config.mitigation_search.auto:
        return ""
    named = _named(without_default_mitigation(config))
    if not named or named == {part.name: part.effective for part in parse(DEFAULT).parts}:
        return ""
    return f"the default mitigation, {DEFAULT}, is not used, since the settings name {' and '.join(named)}"


def _named(config: TuneConfig) -> dict[str, Any]:
    """The mitigations that these settings name in the place of the default, and their values."""
    found = {m.name: value for m, value in active(config) if m.is_extra or m.setting.startswith(SECTION)}
    # With a share of 0 it is not active, and named all the same.
    return {"replay": 0.0, **found} if config.mitigation.replay else found


def with_default_mitigation(config: TuneConfig) -> TuneConfig:
    """`config` with the mitigation of `default_for`. Settings that hold the default, copied from another run, are
    decided anew."""
    config = without_default_mitigation(config)
    found = default_for(config)
    if not found.parts:
        return config
    made = found.apply(config)
    return replace(made, mitigation=replace(made.mitigation, by_default=True))


def without_default_mitigation(config: TuneConfig) -> TuneConfig:
    """The settings before `with_default_mitigation`; a value that was changed since is named."""
    if not config.mitigation.by_default:
        return config
    parts = {part.mitigation.setting: part.effective for part in parse(DEFAULT).parts}
    held = [key for key, value in parts.items() if setting(key, config) == value]
    off = {key.removeprefix(SECTION): setting(key, TuneConfig()) for key in held}
    return replace(config, mitigation=replace(config.mitigation, by_default=False, **off))


def refuse_switched_off(config: TuneConfig, flags: Mapping[str, Any]) -> None:
    """Refuse flags such as ``--kl 0``: they name no mitigation, so the default would be used in spite of them.

    Args:
        flags: of the command line, by name; None for those not given.

    Raises:
        ConfigError: one of them.
    """
    default = default_for(config)
    for part in default.parts:
        key = part.mitigation.setting
        if flags.get(part.name) is not None and setting(key, config) == setting(key, TuneConfig()):
            raise ConfigError(
                f"--{part.name} {flags[part.name]} does not turn off the default mitigation, {default}",
                "turn it off with --plain, or name the part that you want, such as --kl 3 or --interpolation auto",
            )
