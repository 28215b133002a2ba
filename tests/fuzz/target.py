"""A target: a function that reads what others wrote, and must do so whatever that is."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

Check = Callable[[Any], None]
"""Raises for what should not be: an error of another kind than keeptune's own, or a property that does not hold."""


@dataclass(frozen=True)
class Target:
    """What a campaign runs, with inputs of one engine."""

    group: str
    check: Check
    values: st.SearchStrategy[Any] | None = None
    """What hypothesis draws. None: bytes, which atheris changes by the branches they reach."""
    seeds: Callable[[], Sequence[bytes]] = tuple
    """Well-formed inputs that atheris begins with."""
    words: tuple[str, ...] = ()
    """What it puts into them."""

    @property
    def engine(self) -> str:
        return "atheris" if self.values is None else "hypothesis"


TARGETS: dict[str, Target] = {}
"""Name → target; `tests.fuzz.targets` imports the modules that add theirs."""


def of_bytes(
    name: str, group: str, seeds: Callable[[], Sequence[bytes]], words: Sequence[str] = ()
) -> Callable[[Check], Check]:
    """Add the target of a function of bytes."""

    def add(check: Check) -> Check:
        TARGETS[name] = Target(group, check, None, seeds, tuple(words))
        return check

    return add


def of_values(name: str, group: str, values: st.SearchStrategy[Any]) -> Callable[[Check], Check]:
    """Add the target of a property of the values that hypothesis draws."""

    def add(check: Check) -> Check:
        TARGETS[name] = Target(group, check, values)
        return check

    return add


@cache
def folder(name: str) -> Path:
    """A folder for the files of a target, kept as long as the process."""
    made = tempfile.TemporaryDirectory(prefix=f"keeptune-fuzz-{name}-")
    _FOLDERS.append(made)
    return Path(made.name)


_FOLDERS: list[tempfile.TemporaryDirectory[str]] = []
