"""Did you mean: the known name nearest to an unknown one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``did you mean lr? `` with a space at its end, or "" where nothing is near."""
    near = _nearest(name, known)
    return f"did you mean {near}? " if near else ""


def did_you_mean_quoted(name: str, known: Iterable[str]) -> str:
    """`` (did you mean "dialogue"?)`` for the middle of a sentence, or "" where nothing is near."""
    near = _nearest(name, known)
    return f' (did you mean "{near}"?)' if near else ""


def _nearest(name: str, known: Iterable[str]) -> str:
    by_folded = {_fold(each): each for each in known}
    close = difflib.get_close_matches(_fold(name), by_folded, n=1, cutoff=0.6)
    return by_folded[close[0]] if close else ""


def _fold(name: str) -> str:
    return name.casefold().replace("-", "").replace("_", "").replace(" ", "")
