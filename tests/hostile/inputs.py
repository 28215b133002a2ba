"""What somebody may have put into a model, an adapter, rows, settings, a run or a log that is passed on.

Each input is written into a folder, beside ``tiny`` (a model), ``done`` (a finished run) and ``victim`` (a file that
must not change).
"""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keeptune.errors import KeeptuneError

CPU = ("--device", "cpu", "--dtype", "float32")
ROWS = "".join(json.dumps({"prompt": f"number {i}", "completion": f"it is {i}"}) + "\n" for i in range(12))
ESCAPES = "\x1b]8;;http://evil.example\x07click\x1b[2J\u202etxt.exe\u2066\x9b31m"
"""A link, a cleared screen, text that is turned around, and a colour by one character."""
CANARY = "CANARY"
Write = Callable[[Path], Sequence[str]]
Change = Callable[[Path], object]


@dataclass(frozen=True, slots=True)
class HostileInput:
    """One of them, and what must come of it."""

    group: str
    what: str
    kind: str
    """What it is after: ``code``, ``path``, ``link``, ``endless``, ``bomb``, ``escape``, ``forgery`` …"""
    write: Write
    """Writes it into a folder and gives the command line that reads it."""
    error: type[KeeptuneError] | None
    """None: it is read, and does no harm."""
    says: str
    """Part of what is told of it: of the error, or of what is printed."""
    then: str = ""
    """What happens, where there is no error."""


class _Payload:
    """Unpickled, it makes a file."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {CANARY}",)


PICKLED = pickle.dumps(_Payload())


def edit(name: str, **values: Any) -> Change:
    """Sets keys of a JSON file."""
    return lambda path: (path / name).write_text(json.dumps(json.loads((path / name).read_text()) | values))


def link(name: str, target: str) -> Change:
    return lambda path: ((path / name).unlink(missing_ok=True), (path / name).symlink_to(target))


def pipe(name: str) -> Change:
    return lambda path: ((path / name).unlink(missing_ok=True), os.mkfifo(path / name))


def text(name: str, content: str) -> Change:
    return lambda path: (path / name).write_text(content)
