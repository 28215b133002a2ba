"""The default mitigation: what `tune` does against forgetting where the settings name nothing.

One training that is held to the base on text that the base writes (KL, arXiv:2605.26097), of whose change a share α is
kept (arXiv:2109.01903). It needs no old data.
"""

from __future__ import annotations

from dataclasses import replace

from keeptune.config.schema import MitigationSearchConfig, TuneConfig
from keeptune.mitigation.active import active
from keeptune.mitigation.fit import unfit
from keeptune.mitigation.spec import MitigationSpec, parse

DEFAULT = "kl=1+interpolation=auto"
SECTION = "mitigation."


def with_default_mitigation(config: TuneConfig) -> TuneConfig:
    """`config` with the default mitigation, or as much of it as these settings can be trained with; as it is where they
    name a mitigation or ``plain``. A mitigation search has candidates in its place."""
    if config.mitigation_search.auto:
        return without_default_mitigation(config)
    named = config.mitigation.replay or any(m.is_extra or m.setting.startswith(SECTION) for m, _ in active(config))
    if config.mitigation.plain or named:
        return config
    for part in parse(DEFAULT).parts:
        changed = MitigationSpec((part,)).apply(config)
        config = config if unfit(changed) else changed
    return config


def without_default_mitigation(config: TuneConfig) -> TuneConfig:
    """`config` as it was before `with_default_mitigation`, whose result is what a run's ``config.json`` holds."""
    names = [part.mitigation.setting.removeprefix(SECTION) for part in parse(DEFAULT).parts]
    off = {name: getattr(TuneConfig().mitigation, name) for name in names}
    bare = replace(config, mitigation=replace(config.mitigation, **off))
    again = with_default_mitigation(replace(bare, mitigation_search=MitigationSearchConfig()))
    return bare if again.mitigation == config.mitigation else config
