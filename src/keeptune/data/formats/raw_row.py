"""Rows from a reader, with their places and problems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from keeptune.errors import Problem


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row, not yet read as an Example."""

    row: dict[str, Any]
    file: str
    line: int | None
    """1-based line of a text file, or row of a table."""


@dataclass(frozen=True, slots=True)
class RawRows:
    """Everything that a reader found in a file: every good row and every problem."""

    rows: tuple[RawRow, ...] = ()
    problems: tuple[Problem, ...] = ()
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Field → the names of its classes, where the file declares a closed set."""
    stem: str = "row"
    """Begins the ids of rows that have none."""
    assumed: tuple[str, ...] = ()
    """What the reader assumed or left out, for the user to know."""


def failed(file: str, kind: str, message: str, fix: str) -> RawRows:
    """No row, and why."""
    return RawRows(problems=(Problem(file, None, kind, message, fix),))
