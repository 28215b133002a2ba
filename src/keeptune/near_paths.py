"""Names that are paths, and what lies nearest to one that is not there."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

MOST = 10_000
"""Names of a folder that are looked at."""
FAR, SURE = 0.6, 0.8
"""How alike two names must be, of 1: to be a guess, and to be what was surely meant."""


def expanded(name: str | os.PathLike[str]) -> Path:
    """The path, with a home folder in the place of ``~``; as it is where there is no such user."""
    return Path(os.path.expanduser(name))


def looks_like_path(name: str) -> bool:
    """Whether a name that nothing lies under is meant as a path, and not as a name on the hub: by how it begins, by
    its depth, or because the folder above it is there."""
    if not name or name.startswith(("/", "./", "../", "~", ".\\")) or name in (".", "..") or "\\" in name:
        return True
    parts = name.split("/")
    inside = len(parts) > 1 and Path(*parts[:-1]).is_dir()
    return inside or len(parts) > 2 or (len(parts) > 1 and parts[0] == "runs")


def near_path(name: str | Path, cutoff: float = FAR) -> str:
    """The path nearest to one that is not there, each part of it corrected; "" where none is near."""
    given = expanded(name)
    here = Path(given.anchor or ".")
    parts = given.parts[1 if given.anchor else 0 :]
    for number, part in enumerate(parts, 1):
        if part == ".." or (here / part).exists():
            here = here / part
            continue
        near = _nearest(part, here, cutoff, last=number == len(parts))
        if near is None:
            return ""
        here = here / near
    return "" if here == given else str(here)


def did_you_mean_path(name: str | Path, cutoff: float = FAR) -> str:
    """``did you mean runs/tickets-lora-1? `` with a space at its end, or "" where nothing is near."""
    near = near_path(name, cutoff)
    return f"did you mean {near}? " if near else ""


def _nearest(part: str, folder: Path, cutoff: float, *, last: bool) -> str | None:
    try:
        entries = [entry for entry, _ in zip(folder.iterdir(), range(MOST), strict=False)]
        names = [entry.name for entry in entries if last or entry.is_dir()]
    except OSError:
        return None
    by_folded = {name.casefold(): name for name in sorted(names) if not name.startswith(".") or part.startswith(".")}
    # A file may have been named without its suffix.
    by_folded |= {Path(name).stem.casefold(): name for name in sorted(names) if not Path(part).suffix} | by_folded
    close = difflib.get_close_matches(part.casefold(), by_folded, n=1, cutoff=cutoff)
    return by_folded[close[0]] if close else None
