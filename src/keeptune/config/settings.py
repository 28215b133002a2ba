"""The table of settings: each one's name, type and range, read from the schema."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from keeptune.config.schema import (
    Adapter,
    DataConfig,
    EvaluationConfig,
    MeasureConfig,
    MitigationConfig,
    MitigationSearchConfig,
    ModelConfig,
    TrainingConfig,
)


@dataclass(frozen=True, slots=True)
class Range:
    """From `low` to `high`; an open end is not in the range."""

    low: float
    high: float = math.inf
    low_open: bool = False
    high_open: bool = True

    def __contains__(self, value: float) -> bool:
        above = value > self.low if self.low_open else value >= self.low
        return above and (value < self.high if self.high_open else value <= self.high)

    def __str__(self) -> str:
        low = f"{'more than' if self.low_open else 'at least'} {self.low:g}"
        if math.isinf(self.high):
            return low
        return f"{low} and {'less than' if self.high_open else 'at most'} {self.high:g}"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting."""

    key: str
    kind: Any
    """``int``, ``float``, ``str``, ``bool``, ``tuple``, or a Literal type."""
    optional: bool
    range: Range | None = None

    @property
    def choices(self) -> tuple[str, ...]:
        """The values of a Literal type; else empty."""
        return typing.get_args(self.kind) if typing.get_origin(self.kind) is typing.Literal else ()


_POSITIVE = Range(0, low_open=True)
_COUNT = Range(1)
_SHARE = Range(0, 1)

_RANGES: Mapping[str, Range] = {
    "data.limit_train": _COUNT,
    "data.draw": Range(0, 2**32),
    "data.limit_test": _COUNT,
    "data.test_fraction": Range(0, 1, low_open=True),
    "data.validation_fraction": _SHARE,
    "data.max_length": _COUNT,
    "method.rank": _COUNT,
    "method.alpha": _POSITIVE,
    "method.dropout": _SHARE,
    "training.lr": Range(0, 1, low_open=True),
    "training.lr_factor": _POSITIVE,
    "training.epochs": _POSITIVE,
    "training.batch_size": _COUNT,
    "training.token_budget": _COUNT,
    "training.warmup_fraction": _SHARE,
    "training.weight_decay": Range(0),
    "training.max_grad_norm": _POSITIVE,
    "training.max_minutes": _POSITIVE,
    "training.validations_per_epoch": _COUNT,
    "training.checkpoint_minutes": Range(0),
    "training.seed": Range(0, 2**32),
    "training.hyperparameter_search": Range(0),
    "training.max_drift": _POSITIVE,
    "evaluation.max_new_tokens": _COUNT,
    "evaluation.token_budget": _COUNT,
    "evaluation.few_shot": Range(0),
    "mitigation.replay_fraction": Range(0, 1),
    "mitigation.self_replay": Range(0, 1),
    "mitigation.kl": Range(0),
    "mitigation.l2sp": Range(0),
    "mitigation.ewc": Range(0),
    "mitigation.freeze": Range(0, 1),
    "mitigation.interpolation": Range(0, 1, high_open=False),
    "mitigation_search.max_candidates": _COUNT,
    "mitigation_search.search_minutes": _POSITIVE,
    "mitigation_search.min_gain": Range(0, 1, high_open=False),
    "measure.dev_fraction": _SHARE,
    "measure.items": _COUNT,
    "measure.looks": Range(1, 10, high_open=False),
    "measure.minutes": _POSITIVE,
}

SECTIONS: Mapping[str, type[Any]] = {
    "model": ModelConfig,
    "data": DataConfig,
    "method": Adapter,
    "training": TrainingConfig,
    "evaluation": EvaluationConfig,
    "measure": MeasureConfig,
    "mitigation": MitigationConfig,
    "mitigation_search": MitigationSearchConfig,
}


def _read_schema() -> dict[str, Setting]:
    found = {"output": Setting("output", str, False), "resume": Setting("resume", bool, False)}
    for section, schema in SECTIONS.items():
        hints = typing.get_type_hints(schema)
        for field in dataclasses.fields(schema):
            key = f"{section}.{field.name}"
            hint, optional = hints[field.name], False
            if typing.get_origin(hint) in (types.UnionType, typing.Union):
                hint, optional = typing.get_args(hint)[0], True
            kind = tuple if typing.get_origin(hint) is tuple else hint
            found[key] = Setting(key, kind, optional, _RANGES.get(key))
    return found


SETTINGS: Mapping[str, Setting] = _read_schema()
"""Key in the schema → setting."""


def _flat_names() -> dict[str, str]:
    names: dict[str, str] = {}
    twice: set[str] = set()
    for key in SETTINGS:
        name = key.rpartition(".")[2]
        twice |= {name} & set(names)
        names[name] = key
    for name in (*twice, "name", "kind"):
        del names[name]
    return names | {
        "model": "model.name",
        "method": "method.kind",
        "metric": "evaluation.metrics",
        "measure": "measure.extent",
    }


FLAT: Mapping[str, str] = _flat_names()
"""Short name → key, for files without sections and for flags; names that two sections share are left out."""
