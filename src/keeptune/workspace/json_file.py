"""Read untrusted JSON, such as that of another run, a cache or a model.

What is no regular file is not opened for long (a pipe would be waited for), what is too large is not read, and what is
nested too deep for the code after it is refused: each an ``OSError`` or a ``ValueError``, as for any file that is
damaged.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from keeptune.errors import StoreError

MOST_BYTES = 1 << 26
MOST_BYTES_OF_LINES = 1 << 30
MOST_DEPTH = 100


def read_json_file(path: Path) -> Any:
    """The value in `path`.

    Raises:
        OSError: it cannot be opened, or is no regular file.
        ValueError: too large, no UTF-8, no JSON (NaN is none), or nested too deep.
    """
    return parse_json(read_regular(path))


def read_object(path: Path) -> dict[str, Any]:
    """The object in `path`. Raises, beside the errors of `read_json_file`, ValueError for any other value."""
    value = read_json_file(path)
    if not isinstance(value, dict):
        raise ValueError("it should hold an object")
    return value


def read_json_object(file: Path, fix: str) -> dict[str, Any]:
    """The object in `file`, or a StoreError that names the file and `fix`."""
    try:
        return read_object(file)
    except (OSError, ValueError) as error:
        raise StoreError(f"{file} cannot be read: {error}", fix) from error


def read_json_lines(path: Path) -> list[Any]:
    """The value of each line. Lines end at ``\\n`` only: a JSON text may hold U+2028, at which `str.splitlines` cuts.

    Raises: as `read_json_file`.
    """
    lines = read_regular(path, MOST_BYTES_OF_LINES).split(b"\n")
    return [parse_json(line) for line in (lines if lines[-1] else lines[:-1])]


def parse_json(text: bytes | str) -> Any:
    """The value of `text`. Raises ValueError for what is no JSON of at most `MOST_DEPTH` levels."""
    try:
        value = json.loads(text, parse_constant=_no_number)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    level = [value]
    for _ in range(MOST_DEPTH):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return value
    raise ValueError(_TOO_DEEP)


_TOO_DEEP = f"it is nested more than {MOST_DEPTH} levels deep"


def _inside(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def read_regular(path: Path, most: int = MOST_BYTES) -> bytes:
    """The bytes of a regular file of at most `most` bytes. Raises OSError or ValueError otherwise."""
    # Non-blocking, so that opening a pipe does not wait.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as handle:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(f"{path} is not a file")
        if found.st_size > most:
            raise ValueError(f"it has {found.st_size:,} bytes, more than the {most:,} that are read")
        return handle.read()


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"it contains {name}, which is not JSON")
