"""Find the active mitigations in the settings of a run, with their values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from keeptune.config.schema import TuneConfig
from keeptune.config.settings import SETTINGS
from keeptune.errors import ConfigError
from keeptune.mitigation.mitigation import AddedRows, AfterTraining, Mitigation
from keeptune.mitigation.registry import MITIGATIONS
from keeptune.mitigation.spec import Part, extra_parts

_ORDER = {key: place for place, key in enumerate(SETTINGS)}


def active(config: TuneConfig) -> list[tuple[Mitigation, Any]]:
    """The active mitigations and their values, in the order of their settings, then those of ``mitigation.extra``.

    Raises:
        ConfigError: ``mitigation.extra`` has an unknown name, or a mitigation with its own setting.
    """
    given = {part.name: part.effective for part in extra(config)}
    found = []
    for name in dict.fromkeys((*MITIGATIONS.built_in, *given)):
        mitigation = MITIGATIONS[name]
        if mitigation.is_extra:
            if name in given:
                found.append((mitigation, given[name]))
        elif mitigation.active(config) if mitigation.active else _is_set(mitigation.setting, config):
            found.append((mitigation, setting(mitigation.setting, config) if mitigation.setting else None))
    # Penalties are summed in this order.
    return sorted(found, key=lambda each: _ORDER.get(each[0].setting, len(_ORDER)))


def extra(config: TuneConfig) -> tuple[Part, ...]:
    """The mitigations in ``mitigation.extra``.

    Raises:
        ConfigError: it has an unknown name, or a mitigation with its own setting.
    """
    parts = extra_parts(config)
    for part in parts:
        key = part.mitigation.setting
        if not part.mitigation.is_extra:
            own = f"--{key.rpartition('.')[2].replace('_', '-')}" if key else "--method or --candidates"
            raise ConfigError(f"--mitigation {part}: {part.name} has a setting of its own", f"give it by {own}")
    return parts


def packages(config: TuneConfig) -> list[str]:
    """The packages of the mitigations in ``mitigation.extra``, with their versions, since another version may train
    other weights."""
    return [MITIGATIONS.origin(part.name) for part in extra(config)]


def setting(key: str, config: TuneConfig) -> Any:
    """The value of a setting by its key."""
    section, _, name = key.partition(".")
    return getattr(getattr(config, section), name)


def _is_set(key: str, config: TuneConfig) -> bool:
    return bool(setting(key, config) != setting(key, TuneConfig()))


def after_training(config: TuneConfig) -> list[tuple[AfterTraining, Any]]:
    """The changes of the active mitigations to trained weights, with their values."""
    return [(mitigation.after_training, value) for mitigation, value in active(config) if mitigation.after_training]


def without_after_training(config: TuneConfig) -> TuneConfig:
    """The settings without changes after the training."""
    for mitigation, _ in active(config):
        name = mitigation.setting.partition(".")[2]
        if mitigation.after_training and name:
            off = setting(mitigation.setting, TuneConfig())
            config = replace(config, mitigation=replace(config.mitigation, **{name: off}))
    kept = tuple(str(part) for part in extra(config) if not part.mitigation.after_training)
    return replace(config, mitigation=replace(config.mitigation, extra=kept))


def uses_reference(config: TuneConfig) -> bool:
    """Whether a mitigation uses the model of ``mitigation.reference``."""
    return any(mitigation.uses_reference for mitigation, _ in active(config))


def adds_learned_rows(config: TuneConfig) -> bool:
    """Whether other rows than the task's are learned."""
    return bool(config.mitigation.replay) or any(added.learned for added in _added_rows(config))


def adds_base_rows(config: TuneConfig) -> bool:
    """Whether there are rows that are not learned but used by terms of the objective."""
    return any(not added.learned for added in _added_rows(config))


def _added_rows(config: TuneConfig) -> list[AddedRows]:
    return [mitigation.added_rows for mitigation, _ in active(config) if mitigation.added_rows]
