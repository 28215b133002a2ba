"""One canonical form for every setting, whether it comes from a flag, YAML, Python or a run's ``config.json``.

Settings are compared and hashed, so 32 and 32.0, or a path as text and as `Path`, must not be two settings.
"""

from __future__ import annotations

import dataclasses
import functools
import numbers
import os
import types
import typing
from collections.abc import Mapping
from typing import Any

from keeptune.errors import ConfigError


class Canonical:
    """Settings that convert each field to its declared type if the value stays the same. Other types are left for the
    checks to report, but for what takes the place of a whole section, in which they could not look."""

    __slots__ = ()

    def __post_init__(self) -> None:
        """Convert the fields."""
        schema: Any = type(self)
        for name, kind in _kinds(schema).items():
            object.__setattr__(self, name, _in_type(getattr(self, name), kind))
        for name, kinds in _sections(schema).items():
            if not isinstance(getattr(self, name), kinds):
                wanted = " or ".join(kind.__name__ for kind in kinds)
                written = " or ".join(f"{name}=keeptune.{kind.__name__}(…)" for kind in kinds)
                raise ConfigError(f"{name} is {getattr(self, name)!r}, not a {wanted}", f"write {written}")


@functools.cache
def _kinds(schema: Any) -> Mapping[str, Any]:
    """Field → its declared type, without None and words such as ``auto``."""
    hints = typing.get_type_hints(schema)
    return {field.name: _of_values(hints[field.name]) for field in dataclasses.fields(schema)}


@functools.cache
def _sections(schema: Any) -> Mapping[str, tuple[type, ...]]:
    """Field that holds a section → the classes that it may be of."""
    hints = typing.get_type_hints(schema)
    found = {field.name: _alternatives(hints[field.name]) for field in dataclasses.fields(schema)}
    return {name: kinds for name, kinds in found.items() if all(_is_section(kind) for kind in kinds)}


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Canonical)


def _alternatives(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)


def _of_values(hint: Any) -> Any:
    kinds = [k for k in _alternatives(hint) if k is not type(None) and typing.get_origin(k) is not typing.Literal]
    return kinds[0] if len(kinds) == 1 else Any


def _in_type(value: Any, kind: Any) -> Any:
    if kind is float and isinstance(value, numbers.Real) and not isinstance(value, bool):
        # Adding zero makes -0.0 the 0.0 that it equals.
        return float(value) + 0.0
    if kind is int and isinstance(value, numbers.Real) and not isinstance(value, (bool, int)):
        return int(float(value)) if float(value).is_integer() else value
    if kind is str and isinstance(value, os.PathLike):
        return os.fspath(value)
    if typing.get_origin(kind) is tuple and isinstance(value, (str, list, tuple)):
        value = [value] if isinstance(value, str) else value
        return tuple(_in_type(item, typing.get_args(kind)[0]) for item in value)
    return value
