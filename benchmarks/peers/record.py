"""What a script of this folder saw a peer do: entries of `results/peers.json`, one a peer and row of the table."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent.parent / "results" / "peers.json"
LONGEST = 200
"""Characters of an excerpt."""


def excerpt(text: object) -> str:
    """The text on one line, cut to LONGEST characters."""
    words = " ".join(str(text).split())
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}…"


class Tried:
    """What one peer did here: entries with evidence `run`."""

    def __init__(self, peer: str, package: str) -> None:
        self.peer = peer
        self.version = importlib.metadata.version(package)
        self.entries: list[dict[str, Any]] = []
        print(f"{peer} {self.version}")

    def saw(self, row: str, verdict: str, command: str, printed: object) -> None:
        """One row: the verdict, the call that was made and what it printed or returned."""
        entry = {"peer": self.peer, "version": self.version, "row": row, "verdict": verdict, "evidence": "run"}
        self.entries.append(entry | {"where": command, "excerpt": excerpt(printed)})
        print(json.dumps(self.entries[-1], ensure_ascii=False), flush=True)

    def keep(self) -> None:
        """Put the entries into the record, in the place of what it says of the same rows."""
        keep(self.entries)


def keep(entries: Iterable[dict[str, Any]]) -> None:
    """Merge entries into the record, sorted by peer and row."""
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []
    found = {(entry["peer"], entry["row"]): entry for entry in [*kept, *entries]}
    text = json.dumps([found[key] for key in sorted(found)], indent=1, ensure_ascii=False)
    RESULTS.write_text(text + "\n", encoding="utf-8")
