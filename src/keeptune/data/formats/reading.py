"""How a file of rows is read: the readers by ending, and the user's settings for the file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keeptune.config.schema import DataConfig
from keeptune.data.formats.raw_row import RawRows
from keeptune.errors import DataError
from keeptune.registry import Registry


@dataclass(frozen=True, slots=True)
class Reading:
    """How one file is read. None means detected from the file, and reported."""

    encoding: str | None = None
    """Name of the file's encoding."""
    delimiter: str | None = None
    """The one character between the fields of a table."""
    part: str | None = None
    """Which of several tables in the file: the sheet of a workbook."""
    role: str = ""
    """``train``, ``validation`` or ``test``: the name of the part that is read where `part` is None."""

    @classmethod
    def by(cls, config: DataConfig) -> Reading:
        """By these settings."""
        return cls(config.encoding, config.delimiter)


AS_FOUND = Reading()
"""Everything is detected."""

Read = Callable[[Path, Reading], RawRows]


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the files of one ending. It never raises for bad rows; each becomes a `Problem`."""

    read: Read
    has_parts: bool = False
    """Whether a file holds several tables, named as in ``file.xlsx:sheet``."""


def _as_reader(name: str, registered: Any) -> Reader:
    if not name.startswith("."):
        raise DataError(f"the name of a reader is the ending of its files, not {name!r}", f"name it .{name}")
    return registered if isinstance(registered, Reader) else Reader(registered)


READERS: Registry[Reader] = Registry(
    "reader", "keeptune.readers", built_in="keeptune.data.formats", adapt=_as_reader, error=DataError
)
"""Ending of a file, with its dot and in lower case → its reader."""
