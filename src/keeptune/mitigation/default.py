"""The default mitigation: what `tune` does against forgetting where the settings name nothing.

One training that is held to the base on text that the base writes (KL, arXiv:2605.26097), of whose change a share α is
kept (arXiv:2109.01903). It needs no old data.
"""

from __future__ import annotations

from dataclasses import replace

from keeptune.config.schema import TuneConfig
from keeptune.mitigation.active import active, setting
from keeptune.mitigation.fit import unfit
from keeptune.mitigation.spec import PLAIN, MitigationSpec, parse

DEFAULT = "kl=1+interpolation=auto"
SECTION = "mitigation."


def default_for(config: TuneConfig) -> MitigationSpec:
    """As much of the default mitigation as these settings can be trained with; nothing where they name a mitigation, a
    search for one, or ``plain``."""
    named = config.mitigation.replay or any(m.is_extra or m.setting.startswith(SECTION) for m, _ in active(config))
    found = PLAIN
    if config.mitigation.plain or config.mitigation_search.auto or named:
        return found
    for part in parse(DEFAULT).parts:
        longer = MitigationSpec((*found.parts, part))
        found = found if unfit(longer.apply(config)) else longer
    return found


def with_default_mitigation(config: TuneConfig) -> TuneConfig:
    """`config` with the mitigation of `default_for`. A search begins without the default that copied settings hold."""
    if config.mitigation_search.auto:
        searching = config.mitigation_search
        once = without_default_mitigation(replace(config, mitigation_search=replace(searching, auto=False)))
        return replace(once, mitigation_search=searching)
    found = default_for(config)
    return found.apply(config) if found.parts else config


def without_default_mitigation(config: TuneConfig) -> TuneConfig:
    """The settings before `with_default_mitigation`; as they are where they name another mitigation."""
    keys = [part.mitigation.setting for part in parse(DEFAULT).parts]
    off = {key.removeprefix(SECTION): setting(key, TuneConfig()) for key in keys}
    bare = replace(config, mitigation=replace(config.mitigation, **off))
    return bare if with_default_mitigation(bare) == config else config


def holds_default_in_spite_of_plain(config: TuneConfig) -> bool:
    """Whether ``plain`` was added to settings that a run by default wrote, which name the default mitigation."""
    without_plain = replace(config, mitigation=replace(config.mitigation, plain=False))
    return config.mitigation.plain and without_default_mitigation(without_plain) != without_plain
