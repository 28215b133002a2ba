"""Records to plain JSON and back. The schema version travels with every file."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

SCHEMA_VERSION = 1

T = TypeVar("T")


def to_plain(value: Any) -> Any:
    """A record, or a nest of records, tuples and mappings, as JSON-ready dicts, lists and scalars.

    A dataclass whose type cannot be told from its field alone (a union member) is tagged with ``"type"``.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        plain = {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {"type": type(value).__name__, **plain}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, frozenset, set)):
        return [to_plain(item) for item in value]
    return value


def from_plain(kind: type[T], plain: Any) -> T:
    """The inverse of `to_plain` for a value declared as `kind`.

    Raises:
        ValueError: `plain` does not have the shape of `kind`.
    """
    return typing.cast(T, _build(kind, plain))


def _build(kind: Any, plain: Any) -> Any:
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return _build_union(typing.get_args(kind), plain)
    if origin is typing.Literal:
        return plain
    if origin is tuple:
        return tuple(_build(typing.get_args(kind)[0], item) for item in plain)
    if origin is not None and issubclass(origin, Mapping):
        item_kind = typing.get_args(kind)[1]
        return {key: _build(item_kind, item) for key, item in plain.items()}
    if origin is not None and issubclass(origin, Sequence):
        return [_build(typing.get_args(kind)[0], item) for item in plain]
    if dataclasses.is_dataclass(kind):
        return _build_dataclass(kind, plain)
    if kind is float and isinstance(plain, int):
        return float(plain)
    return plain


def _build_dataclass(kind: Any, plain: Any) -> Any:
    if not isinstance(plain, Mapping):
        raise ValueError(f"expected an object for {kind.__name__}, found {type(plain).__name__}")
    hints = typing.get_type_hints(kind)
    known = {f.name for f in dataclasses.fields(kind)}
    missing = [
        f.name
        for f in dataclasses.fields(kind)
        if f.name not in plain and f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    unknown = [key for key in plain if key not in known and key != "type"]
    if missing or unknown:
        raise ValueError(f"{kind.__name__}: missing fields {missing}, unknown fields {unknown}")
    return kind(**{key: _build(hints[key], item) for key, item in plain.items() if key != "type"})


def _build_union(kinds: tuple[Any, ...], plain: Any) -> Any:
    if plain is None and type(None) in kinds:
        return None
    for kind in kinds:
        if dataclasses.is_dataclass(kind) and isinstance(plain, Mapping):
            name = kind.__name__ if isinstance(kind, type) else ""
            if plain.get("type") == name:
                return _build(kind, plain)
    scalars = [kind for kind in kinds if kind is not type(None) and not dataclasses.is_dataclass(kind)]
    if not scalars:
        raise ValueError(f"none of {kinds} fits {plain!r}")
    return _build(scalars[0], plain) if not isinstance(plain, Mapping) else plain
