"""What the campaign of fuzzing showed (`python -m tests.fuzz.campaign`), by what was read: prints the table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "fuzzing.json"


def table(done: list[dict[str, Any]]) -> str:
    """A row a group of targets; the findings are those of the newest commit that each target ran at."""
    lines = ["| what | targets | CPU minutes | inputs | findings | open |", "|---|---|---|---|---|---|"]
    groups = list(dict.fromkeys(each["group"] for each in done))
    lines += [_row(group, [each for each in done if each["group"] == group]) for group in groups]
    return "\n".join([*lines, _row("all", done)])


def _row(name: str, done: list[dict[str, Any]]) -> str:
    targets = list(dict.fromkeys(each["target"] for each in done))
    minutes = sum(each["cpu_seconds"] for each in done) / 60
    found = {(each["target"], where) for each in done for where in each["findings"]}
    open_ones = sum(len(_newest(target, done)) for target in targets)
    inputs = sum(each["executions"] for each in done)
    return f"| {name} | {len(targets)} | {minutes:.1f} | {inputs:,} | {len(found)} | {open_ones} |"


def _newest(target: str, done: list[dict[str, Any]]) -> set[str]:
    """Places of what a target found at the commit of its last record."""
    own = [each for each in done if each["target"] == target]
    return {where for each in own if each["commit"] == own[-1]["commit"] for where in each["findings"]}


if __name__ == "__main__":
    print(table(json.loads(RESULTS.read_text(encoding="utf-8"))))
