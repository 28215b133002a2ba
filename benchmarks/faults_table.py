"""What the campaign of faults showed (`python -m tests.faults.campaign`), by kind of fault: prints the table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "faults.json"


def table(done: list[dict[str, Any]]) -> str:
    """A row a kind of fault."""
    lines = [
        "| fault | injected | had no effect | resumed to the same result | something was wrong |",
        "|---|---|---|---|---|",
    ]
    kinds = sorted({_kind(each) for each in done})
    lines += [_row(kind, [each for each in done if _kind(each) == kind]) for kind in kinds]
    return "\n".join([*lines, _row("all", done)])


def _kind(record: dict[str, Any]) -> str:
    kind: str = record["kind"]
    return "a file damaged" if kind.startswith("damaged") else kind


def _row(name: str, done: list[dict[str, Any]]) -> str:
    wrong = sum(bool(each["problems"]) for each in done)
    unfelt = sum(not each["problems"] and not each["commands"] for each in done)
    return f"| {name} | {len(done)} | {unfelt} | {len(done) - wrong - unfelt} | {wrong} |"


if __name__ == "__main__":
    print(table(json.loads(RESULTS.read_text(encoding="utf-8"))))
