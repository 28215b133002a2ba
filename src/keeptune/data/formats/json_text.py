"""Strict JSON objects: duplicate names are refused, because one of the two values would be lost."""

from __future__ import annotations

import json
from typing import Any


class RepeatedNameError(ValueError):
    """An object with the same name twice."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f'the name "{name}" occurs twice in one object')


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise RepeatedNameError(name)
        found[name] = value
    return found


DECODER = json.JSONDecoder(object_pairs_hook=_unique)


def unreadable(error: ValueError | RecursionError) -> tuple[str, str]:
    """(kind, message) of a valid text that the decoder refuses, or of an error without a column."""
    if isinstance(error, RepeatedNameError):
        return "repeated-name", str(error)
    if isinstance(error, RecursionError):
        return "bad-json", "JSON nested too deeply"
    return "bad-json", "a number with too many digits"


def kind_of(value: Any) -> str:
    """The type of a JSON value in words, for a message."""
    if value is None:
        return "null"
    names = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list"}
    return names.get(type(value), "an object" if isinstance(value, dict) else type(value).__name__)
