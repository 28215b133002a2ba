"""How often verdicts and intervals are wrong, over metrics, clusters, discordance, numbers of items and abilities.

    python benchmarks/verdict_grid.py            run what is missing (minutes on one core), write results and table
    python benchmarks/verdict_grid.py --table    write the table of the results that are there

Cells are kept one by one, so that a run that was stopped goes on; they are computed again when the code under test
changes. Verdicts at a true drop of exactly the margin are all false.
"""

from __future__ import annotations

import hashlib
import json
import math
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import keeptune
from keeptune.statistics.jackknife import MIN_EFFECTIVE
from verdict_cells import AT_MARGIN, SEED, cells

RESULTS = Path(__file__).parent / "results" / "verdict_grid.json"
SOURCES = (
    "statistics/score_test.py",
    "statistics/jackknife.py",
    "statistics/clustered_tango.py",
    "statistics/tango.py",
    "statistics/planning.py",
    "statistics/looks.py",
)
NOMINAL = {"coverage": (0.935, 0.965), "false kept": (0.0, 0.035), "false lost": (0.0, 0.035)}


def code() -> str:
    """Of the functions under test."""
    package = Path(keeptune.__file__).parent
    return hashlib.sha256(b"".join((package / name).read_bytes() for name in SOURCES)).hexdigest()[:12]


def run() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    if found.get("code") != code():
        found = {"code": code(), "seed": SEED, "repetitions": AT_MARGIN, "seconds": 0.0, "cells": {}}
    known = [name for name, _ in cells()]
    for name, make in cells():
        if name in found["cells"]:
            continue
        began = time.process_time()
        found["cells"][name] = {k: round(v, 4) if isinstance(v, float) else v for k, v in make().items()}
        found["seconds"] = round(found["seconds"] + time.process_time() - began, 1)
        found["commit"] = subprocess.run(
            ["git", "rev-parse", "--short=9", "HEAD"],
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parent,
        ).stdout.strip()
        found["cells"] = {name: found["cells"][name] for name in known if name in found["cells"]}
        RESULTS.write_text(json.dumps(found, indent=0) + "\n", encoding="utf-8")
        print(name, found["cells"][name], file=sys.stderr, flush=True)
    return found


HEADS = {
    "drop": "Verdicts on a drop",
    "plan": "What is promised of several declared abilities",
    "looks": "Planned looks",
    "retention": "Retention",
    "drift": "Drift",
}


def outside(found: dict[str, Any]) -> list[tuple[str, str, float]]:
    """(cell, figure, value) of all figures outside the nominal limits."""
    return [
        (name, key, cell[key])
        for name, cell in found["cells"].items()
        for key, (low, high) in NOMINAL.items()
        if key in cell and not low <= cell[key] <= high
    ]


def table(found: dict[str, Any]) -> str:
    """Markdown."""
    lines = [
        "# The grid of verdicts and intervals",
        "",
        f"By `python benchmarks/verdict_grid.py` at commit {found['commit']}: {found['repetitions']:,} repetitions a "
        f"cell at the margin, seed {found['seed']}, {found['seconds']:.0f} s of one processor. Nominal: coverage 93.5 "
        "to 96.5 %, false verdicts at most 3.5 % (2.5 % by design); what lies outside is bold. Effective: clusters of "
        f"equal size that would tell as much; below {MIN_EFFECTIVE} no verdict is given.",
    ]
    for part, head in HEADS.items():
        rows = [cell for name, cell in found["cells"].items() if name.split(" | ")[0] == part]
        if not rows:
            continue
        keys = list(rows[0])
        lines += ["", f"## {head}", "", f"| {' | '.join(keys)} |", "|---" * len(keys) + "|"]
        lines += [f"| {' | '.join(_shown(key, row[key]) for key in keys)} |" for row in rows]
    far = outside(found)
    lines += ["", f"{len(far)} figures lie outside: " + summary(far), ""]
    return "\n".join(lines)


def headline(found: dict[str, Any]) -> str:
    """The worst of each part, for docs/forgetting.md."""

    def span(part: str, key: str, least: int = 0) -> str:
        cells = [cell for name, cell in found["cells"].items() if name.split(" | ")[0] == part]
        values = [100 * cell[key] for cell in cells if cell.get("abilities", least) >= least]
        return f"{min(values):.1f} to {max(values):.1f} %"

    def of_looks(name: str, key: str) -> str:
        return f"{100 * found['cells'][f'looks | {name}'][key]:.1f} %"

    drops = sum(name.startswith("drop") for name in found["cells"])
    asked = found["cells"]["looks | 4"]["items, unchanged"]
    lines = [
        f"- {drops} cases of a drop at the margin: false *kept* {span('drop', 'false kept')}, false *lost* "
        f"{span('drop', 'false lost')} (nominal 2.5, at most 3.5), coverage {span('drop', 'coverage')} (93.5 to 96.5).",
        f"- With 1 to 14 declared abilities: the detectable drop stated is lost in {span('plan', 'power lost')}, and "
        f"with the items stated an unchanged model passes in {span('plan', 'gate passes')} (nominal 80). Planned as "
        f"for one ability, 4 to 14 would pass in {span('plan', 'gate passes, planned for one', 4)}.",
        f"- Four planned looks, 600 items in the end: at the margin *kept* {of_looks('4', 'kept, at the margin')}, "
        f"*lost* {of_looks('4', 'lost, at the margin')}; unchanged, *kept* in {of_looks('4', 'kept, unchanged')} with "
        f"{asked:.0f} items in the mean. Six looks without correction: "
        f"{of_looks('6 uncorrected', 'kept, at the margin')} and {of_looks('6 uncorrected', 'lost, at the margin')}.",
        f"- Coverage of retention {span('retention', 'coverage')}, of drift {span('drift', 'coverage')}.",
        f"- {summary(outside(found))}",
    ]
    return "\n".join(lines)


def summary(far: list[tuple[str, str, float]]) -> str:
    over = [value for _, key, value in far if key == "coverage" and value > NOMINAL["coverage"][1]]
    under = [
        f"{name}, {key} {value:.1%}" for name, key, value in far if key != "coverage" or value < NOMINAL["coverage"][0]
    ]
    most = f"{max(over, default=0.0):.1%}"
    wide = f"{len(over)} intervals cover more than 96.5 % (up to {most}): wider than necessary"
    return f"{wide}. Figures beyond a limit in the other direction: {'; '.join(under) if under else 'none'}."


def _shown(key: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if key in ("items", "items for kept", "abilities", "sequences") or key.startswith("items, "):
        return f"{value:,.0f}"
    if key in ("effective", "detectable drop"):
        return f"{value:.1f}"
    if key in ("bound", "true"):
        return f"{value:.3f}"
    shown = f"{100 * value:.1f} %"
    low, high = NOMINAL.get(key, (-math.inf, math.inf))
    return shown if low <= value <= high else f"**{shown}**"


def main() -> None:
    found = json.loads(RESULTS.read_text(encoding="utf-8")) if "--table" in sys.argv else run()
    RESULTS.with_suffix(".md").write_text(table(found), encoding="utf-8")
    print(table(found))


if __name__ == "__main__":
    main()
