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
    built: T = _build(kind, plain)
    return built


def _build(kind: Any, plain: Any) -> Any:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return _build_union(inner, plain)
    if origin is typing.Literal:
        return _expect(plain in inner, plain, f"one of {inner}")
    if origin is tuple:
        _expect(isinstance(plain, (list, tuple)), plain, "a list")
        if len(inner) == 2 and inner[1] is Ellipsis:
            return tuple(_build(inner[0], item) for item in plain)
        _expect(len(plain) == len(inner), plain, f"{len(inner)} values")
        return tuple(_build(each, item) for each, item in zip(inner, plain, strict=True))
    if origin is not None and issubclass(origin, Mapping):
        _expect(isinstance(plain, Mapping), plain, "an object")
        return {key: _build(inner[1], item) for key, item in plain.items()}
    if origin is not None and issubclass(origin, Sequence):
        _expect(isinstance(plain, (list, tuple)), plain, "a list")
        return [_build(inner[0], item) for item in plain]
    if dataclasses.is_dataclass(kind):
        return _build_dataclass(kind, plain)
    if kind is float and isinstance(plain, int) and not isinstance(plain, bool):
        _expect(abs(plain) < 1 << 1000, plain, "a number")
        return float(plain)
    if kind is types.NoneType:
        return _expect(plain is None, plain, "null")
    if kind in (str, int, float, bool):
        return _expect(type(plain) is kind, plain, _WORDS[kind])
    return plain


_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


def _expect(right: bool, plain: Any, wanted: str) -> Any:
    if not right:
        raise ValueError(f"expected {wanted}, found {str(plain)[:80]!r}")
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
    if isinstance(plain, Mapping):
        named = [kind for kind in kinds if dataclasses.is_dataclass(kind) and plain.get("type") == _name(kind)]
        if named:
            return _build(named[0], plain)
    wrong = ""
    for kind in (kind for kind in kinds if not dataclasses.is_dataclass(kind)):
        try:
            return _build(kind, plain)
        except ValueError as error:
            wrong = wrong or str(error)
    raise ValueError(wrong or f"expected one of {[_name(kind) for kind in kinds]}, found {str(plain)[:80]!r}")


def _name(kind: Any) -> str:
    return str(getattr(kind, "__name__", kind))
