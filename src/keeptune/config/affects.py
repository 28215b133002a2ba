"""What a setting affects. Every rule about which settings may change, and when, follows from `affects`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from keeptune.config.schema import TuneConfig
from keeptune.config.setting import Affects
from keeptune.config.settings import SETTINGS
from keeptune.records import to_plain

__all__ = ["Affects", "affecting", "affects", "fixed", "leaves"]


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
    """The settings that affect one of these, and their values."""
    return {key: value for key, value in leaves(to_plain(config)) if affects(key) in kinds}


def fixed(config: TuneConfig) -> frozenset[Affects]:
    """What a resumed run must keep as it was, value by value. Answers come after training, unless they select the
    checkpoint."""
    by_answers = {Affects.ANSWERS} if config.training.select_by == "metric" else set()
    return frozenset({Affects.WEIGHTS, Affects.CHOICE} | by_answers)
