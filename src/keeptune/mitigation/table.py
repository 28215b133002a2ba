"""The table of mitigations: a name, and how it changes the settings of a run. A new one is one row.

A specification joins rows by ``+``, each with a value where it takes one: ``lora``, ``replay=0.05``,
``full+replay=0.05+kl=0.1``, ``full+interpolation=0.5``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from keeptune.config.given import Given
from keeptune.config.schema import Adapter, Full, MitigationConfig, TuneConfig
from keeptune.config.settings import SETTINGS
from keeptune.config.values import checked
from keeptune.errors import ConfigError
from keeptune.models.adapters import METHODS
from keeptune.near_names import did_you_mean

Change = Callable[[TuneConfig, Any], TuneConfig]


@dataclass(frozen=True, slots=True)
class Mitigation:
    """One row of the table."""

    name: str
    cost: str
    """What it takes beside the plain training."""
    needs: Literal["nothing", "old data"]
    change: Change
    """(settings, value) → settings."""
    default: float | str | None
    """The value where a specification gives none; None: it takes no value."""
    source: str
    setting: str = ""
    """The setting that the value is one of, as `config.settings` names it."""


def _mitigations(
    name: str,
    cost: str,
    field: str,
    default: float | str,
    source: str = "",
    needs: Literal["nothing", "old data"] = "nothing",
    **fixed: Any,
) -> Mitigation:
    """A row that sets one field of `MitigationConfig` to the value, and others to `fixed` ones."""

    def change(config: TuneConfig, value: Any) -> TuneConfig:
        return replace(config, mitigation=replace(config.mitigation, **{field: value}, **fixed))

    return Mitigation(name, cost, needs, change, default, source, f"mitigation.{field}")


def _adapter(kind: str) -> Change:
    def change(config: TuneConfig, _value: Any) -> TuneConfig:
        if isinstance(config.method, Adapter):
            return replace(config, method=replace(config.method, kind=kind))
        return _by_default_rate(replace(config, method=Adapter(kind)))

    return change


def _full(config: TuneConfig, _value: Any) -> TuneConfig:
    return config if isinstance(config.method, Full) else _by_default_rate(replace(config, method=Full()))


def _by_default_rate(config: TuneConfig) -> TuneConfig:
    """A learning rate that was given is one for the other kind of method: they differ by ten times."""
    return replace(config, training=replace(config.training, lr=None))


def _smaller_step(config: TuneConfig, value: Any) -> TuneConfig:
    return replace(config, training=replace(config.training, lr_factor=config.training.lr_factor * value))


MITIGATIONS: Mapping[str, Mitigation] = {
    row.name: row
    for row in (
        Mitigation("accept", "nothing", "nothing", lambda config, _: config, None, ""),
        Mitigation("full", "a training", "nothing", _full, None, ""),
        *(
            Mitigation(name, "a training", "old data" if row.needs_rows else "nothing", _adapter(name), None, row.paper)
            for name, row in METHODS.items()
        ),
        _mitigations("interpolation", "evaluation only", "interpolation", 0.5, "arXiv:2109.01903"),
        Mitigation(
            "smaller", "a training", "nothing", _smaller_step, 0.3, "arXiv:2401.05605", setting="training.lr_factor"
        ),
        _mitigations("freeze", "a cheaper training", "freeze", 0.5),
        _mitigations("token-weights", "a training", "token_weights", "talr", "arXiv:2509.20758"),
        _mitigations("self-replay", "a generation pass", "self_replay", 0.1, "arXiv:2403.01244"),
        _mitigations("kl", "a forward pass a row", "kl", 0.5, "arXiv:2605.29498"),
        _mitigations("kl-task", "a forward pass a row", "kl", 0.5, "arXiv:2605.29498", kl_on="task"),
        _mitigations("kl-replay", "a forward pass a row", "kl", 0.5, needs="old data", kl_on="replay"),
        _mitigations("l2sp", "memory of the base", "l2sp", 0.01, "arXiv:1802.01483"),
        _mitigations("ewc", "memory of the base twice", "ewc", 10.0, "arXiv:1612.00796"),
        _mitigations("replay", "more rows", "replay_fraction", 0.05, "arXiv:2502.06042", needs="old data"),
    )
}


def apply_mitigations(specification: str, config: TuneConfig) -> TuneConfig:
    """`config`, changed as `specification` says. Old data is only mixed in where ``replay`` is named.

    Raises:
        ConfigError: an unknown name, a value that is none, or old data that is needed and not given.
    """
    replays = False
    for part in specification.split("+"):
        name, _, text = part.strip().partition("=")
        row = MITIGATIONS.get(name)
        if row is None:
            hint = did_you_mean(name, MITIGATIONS)
            raise ConfigError(f"no mitigation {name!r} in {specification!r}", f"{hint}One of: {', '.join(MITIGATIONS)}")
        if row.needs == "old data" and not config.mitigation.replay:
            raise ConfigError(f"{name} needs rows of old tasks", "name them with --replay")
        replays = replays or row.needs == "old data"
        config = row.change(config, _value(row, text, specification))
    if not replays:
        config = replace(config, mitigation=replace(config.mitigation, replay=()))
    return config


def refuse_overridden(specification: str, config: TuneConfig) -> None:
    """A bare name stands for its default value, which must not take the place of another that was given.

    Raises:
        ConfigError: it would.
    """
    for part in specification.split("+"):
        row = MITIGATIONS.get(part.strip())
        if row is None or not row.setting.startswith("mitigation."):
            continue
        name = row.setting.removeprefix("mitigation.")
        given = getattr(config.mitigation, name)
        if given not in (getattr(MitigationConfig(), name), row.default):
            raise ConfigError(
                f"{row.name} stands for {row.name}={row.default}, and {name} is given as {given}",
                f"write {row.name}={given}",
            )


def _value(row: Mitigation, text: str, specification: str) -> float | str | None:
    if not text:
        return row.default
    if not row.setting:
        raise ConfigError(f"{row.name} in {specification!r} takes no value", f"write {row.name} alone")
    given = Given(row.setting, text, f"{row.name} in {specification!r}")
    value: float | str = checked(given, SETTINGS[row.setting])
    return value
