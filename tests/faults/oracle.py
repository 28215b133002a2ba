"""What a run has made, without what differs from one run to the next: when, where and how fast."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

PASSING = frozenset(
    (
        *("created", "seconds", "minutes", "trained_seconds", "asked_seconds", "measuring_seconds"),
        *("tokens_per_second", "peak_bytes", "peak_memory_bytes", "commit", "run_id", "path", "output"),
    )
)
"""Names of values that differ between two runs."""
SECONDS = re.compile(r"\d+ s\b")
LEFT_OUT = (".html", ".md", ".lock", ".png", ".journal")


def made(run: Path, home: Path) -> dict[str, Any]:
    """Name of each file of a run → its content."""
    found: dict[str, Any] = {}
    for file in sorted(run.rglob("*")):
        name = str(file.relative_to(run))
        if not file.is_file() or name.endswith(LEFT_OUT) or file.name == ".lock":
            continue
        if file.suffix in (".json", ".jsonl"):
            # A run that goes on names its inputs by their absolute paths.
            text = file.read_text(encoding="utf-8", errors="replace").replace(f"{home}/", "").replace(str(home), ".")
            try:
                values = (
                    [json.loads(line) for line in text.splitlines()] if file.suffix == ".jsonl" else json.loads(text)
                )
            except ValueError:
                found[name] = "not JSON"
                continue
            found[name] = lasting(values)
        else:
            found[name] = hashlib.sha256(file.read_bytes()).hexdigest()
    return found


def lasting(value: Any) -> Any:
    """`value` without what differs between two runs."""
    if isinstance(value, dict):
        return {key: lasting(each) for key, each in value.items() if key not in PASSING}
    if isinstance(value, list):
        return [lasting(each) for each in value]
    return SECONDS.sub("N s", value) if isinstance(value, str) else value


def differences(one: Any, other: Any, place: str = "") -> list[str]:
    """Where `other` is not `one`, which is of a run that nothing befell."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = sorted(one.keys() | other.keys())
        missing = [f"{place}/{key}: only in one" for key in keys if (key in one) != (key in other)]
        both = (differences(one[key], other[key], f"{place}/{key}") for key in keys if key in one and key in other)
        return [*missing, *(each for found in both for each in found)]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [each for at, (left, right) in pairs for each in differences(left, right, f"{place}[{at}]")]
    if isinstance(one, list) and isinstance(other, list):
        only = [[each for each in left if each not in right] for left, right in ((one, other), (other, one))]
        if place.endswith("/notices") and not only[0]:
            # A message of the last part may come before the result is written again.
            return []
        return [f"{place}: only in one: {str(only[0])[:300]} | {str(only[1])[:300]}"]
    return [] if one == other else [f"{place}: {str(one)[:80]} | {str(other)[:80]}"]
