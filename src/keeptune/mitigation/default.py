"""The default mitigation: what `tune` does against forgetting where the settings name nothing.

One training that is held to the base on text that the base writes (KL, arXiv:2605.26097), of whose change a share α is
kept (arXiv:2109.01903). It needs no old data.
"""

from __future__ import annotations

from dataclasses import replace

from keeptune.config.schema import TuneConfig
from keeptune.mitigation.active import active
from keeptune.mitigation.fit import unfit
from keeptune.mitigation.spec import MitigationSpec, parse

DEFAULT = "kl=1+interpolation=auto"


def default_mitigation(config: TuneConfig) -> MitigationSpec | None:
    """The default mitigation, or as much of it as these settings can be trained with; None where they name a
    mitigation, or none at all with ``plain``."""
    if config.mitigation.plain or config.mitigation_search.auto or config.mitigation.replay or active(config):
        return None
    parts = parse(DEFAULT).parts
    fit = tuple(part for part in parts if not unfit(MitigationSpec((part,)).apply(config)))
    return MitigationSpec(fit) if fit else None


def with_default_mitigation(config: TuneConfig) -> TuneConfig:
    """`config` with the default mitigation, where that is used."""
    spec = default_mitigation(config)
    if spec is None:
        return config
    return spec.apply(config)


def without_mitigation(config: TuneConfig) -> TuneConfig:
    """`config` as the plain training has it, whatever its mitigations."""
    return replace(config, mitigation=replace(type(config.mitigation)(), plain=True))
