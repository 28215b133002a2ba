"""The table of settings, read from the schema."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from keeptune.config.aliases import FOREIGN_VALUES, ROWS, TIMES, same
from keeptune.config.schema import TuneConfig
from keeptune.config.setting import Convert, Group, Setting

GROUPS: tuple[Group, ...] = typing.get_args(Group)


def _without_none(hint: Any) -> tuple[Any, ...]:
    union = typing.get_origin(hint) in (types.UnionType, typing.Union)
    return tuple(kind for kind in typing.get_args(hint) if kind is not types.NoneType) if union else (hint,)


def _sections() -> Mapping[str, type[Any]]:
    hints = typing.get_type_hints(TuneConfig)
    found: dict[str, type[Any]] = {}
    for field in dataclasses.fields(TuneConfig):
        kinds = [kind for kind in _without_none(hints[field.name]) if isinstance(kind, type)]
        schemas = [kind for kind in kinds if dataclasses.is_dataclass(kind)]
        if schemas:
            # Adapters have all settings that any method has.
            found[field.name] = max(schemas, key=lambda schema: len(dataclasses.fields(schema)))
    return found


SECTIONS: Mapping[str, type[Any]] = _sections()
"""Name of a section → its dataclass."""


def read_settings_of(schema: type[Any], prefix: str = "", group: Group = "running") -> Iterator[Setting]:
    """The settings that the fields of a dataclass declare.

    Raises:
        TypeError: a field that does not say what it affects.
    """
    hints = typing.get_type_hints(schema)
    for field in dataclasses.fields(schema):
        if not prefix and field.name in SECTIONS:
            yield from read_settings_of(SECTIONS[field.name], f"{field.name}.", field.metadata["group"])
        elif "affects" not in field.metadata:
            raise TypeError(f"{schema.__name__}.{field.name} does not say what it affects: declare it with `setting`")
        else:
            hint, *others = _without_none(hints[field.name])
            kind = tuple if typing.get_origin(hint) is tuple else hint
            derived = {
                "key": prefix + field.name,
                "kind": kind,
                "words": tuple(word for other in others for word in typing.get_args(other)),
                "optional": types.NoneType in typing.get_args(hints[field.name]),
            }
            yield Setting(**{"group": group, **field.metadata, **derived, "default": field.default})


SETTINGS: Mapping[str, Setting] = {each.key: each for each in read_settings_of(TuneConfig)}
"""Key → setting, in the order of the schema."""

FLAGS: Mapping[str, Setting] = {
    (each.name.replace("_", "-") if each.flag is None else each.flag): each
    for group in GROUPS
    for each in SETTINGS.values()
    if each.group == group and each.flag != ""
}
"""Name of a flag → its setting, in the order of the help."""

ALIASES: Mapping[str, tuple[str, Convert]] = {
    **{alias: (each.key, convert) for each in SETTINGS.values() for alias, convert in each.aliases.items()},
    "per_device_train_batch_size": (ROWS, same),
    "gradient_accumulation_steps": (TIMES, same),
    **{name: ("", convert) for name, convert in FOREIGN_VALUES.items()},
}
"""Name in another tool → key of the setting, and how its value is converted."""


def _flat_names() -> dict[str, str]:
    count = Counter(each.name for each in SETTINGS.values())
    own = {each.name: each.key for each in SETTINGS.values() if count[each.name] == 1 and each.name not in SHORTENED}
    of_flags = {name.replace("-", "_"): each.key for name, each in FLAGS.items()}
    return own | {name: key for name, key in of_flags.items() if name not in ALIASES}


SHORTENED = ("name", "kind")
"""Names that are ambiguous without their section: ``model.name`` is ``model``, ``method.kind`` is ``method``."""
FLAT: Mapping[str, str] = _flat_names()
"""Short name → key, for files without sections and for flags. Names that two sections share are left out."""
