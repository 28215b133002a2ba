"""The default mitigation: what `tune` does against forgetting where the settings name nothing.

One training that is held to the base on text that the base writes (KL, arXiv:2605.26097), of whose change a share α is
kept (arXiv:2109.01903). It needs no old data.
"""

from __future__ import annotations

from keeptune.config.schema import TuneConfig
from keeptune.mitigation.active import active
from keeptune.mitigation.fit import unfit
from keeptune.mitigation.spec import MitigationSpec, parse

DEFAULT = "kl=1+interpolation=auto"
SECTION = "mitigation."


def with_default_mitigation(config: TuneConfig) -> TuneConfig:
    """`config` with the default mitigation, or as much of it as these settings can be trained with; as it is where they
    name a mitigation, a search for one, or ``plain``."""
    named = config.mitigation.replay or any(m.is_extra or m.setting.startswith(SECTION) for m, _ in active(config))
    if config.mitigation.plain or config.mitigation_search.auto or named:
        return config
    for part in parse(DEFAULT).parts:
        changed = MitigationSpec((part,)).apply(config)
        config = config if unfit(changed) else changed
    return config
