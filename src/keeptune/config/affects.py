"""What a setting affects. Every rule about which settings may change, and when, follows from `affects`."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

from keeptune.config.schema import TuneConfig
from keeptune.config.setting import Affects
from keeptune.config.settings import SETTINGS
from keeptune.records import to_plain

__all__ = ["Affects", "affecting", "affects", "fixed", "leaves", "without_effect"]


def affects(key: str) -> Affects:
    """What the setting of this key affects."""
    return SETTINGS[key].affects


def leaves(plain: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(key, value) of every setting of a config that `to_plain` has written."""
    for name, value in plain.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{name}.")
        elif name != "type":
            yield prefix + name, value


def affecting(config: TuneConfig, *kinds: Affects) -> dict[str, Any]:
    """The settings that affect any of these, with their values."""
    return {key: value for key, value in leaves(to_plain(config)) if affects(key) in kinds}


def fixed(config: TuneConfig) -> frozenset[Affects]:
    """Settings that may not change when a run resumes. Those that affect answers may, unless answers select the
    checkpoint."""
    by_answers = {Affects.ANSWERS} if config.training.select_by == "metric" else set()
    return frozenset({Affects.WEIGHTS, Affects.CHOICE} | by_answers)


def without_effect(config: TuneConfig) -> dict[str, str]:
    """Settings that were given but change nothing → why: ``without mitigation.kl``."""

    def given(key: str) -> bool:
        return bool(_value(config, key) != SETTINGS[key].default)

    found = {
        each.key: f"without {each.needs[0]}"
        for each in SETTINGS.values()
        if each.needs and not any(map(given, each.needs))
    }
    found |= {
        each.key: f"with {each.unused_with}"
        for each in SETTINGS.values()
        if each.unused_with and given(each.unused_with)
    }
    return {key: why for key, why in found.items() if given(key)}


def _value(config: TuneConfig, key: str) -> Any:
    return functools.reduce(getattr, key.split("."), config)
