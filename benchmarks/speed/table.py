"""All targets of speed and memory in one table, from the records.

    KEEPTUNE_DATA=<folder> python benchmarks/speed/table.py                 measure what has no record yet, then print
    KEEPTUNE_DATA=<folder> python benchmarks/speed/table.py --again [NAME …]    measure these, or all, anew
    python benchmarks/speed/table.py --table                                print from the records alone

`make bench` does the first, with the peers in an environment of their own. A script that cannot run here, such as
`t7_gpu` without a GPU, says why, and its lines stay "not measured yet".
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import beside_trl
import curves
import forecast
import same_task
import startup
import t1_lora
import t2_full
import t3_memory
import t4_choices
import t5_generate
import t6_verdict
import t7_gpu
import t8_growth
import where_time_goes
from measure import HEAD, HERE, RESULTS, read

BESIDE_PEERS = (t1_lora, t2_full, t3_memory, t4_choices, t5_generate)
"""What README shows."""
TARGETS = (*BESIDE_PEERS, same_task, t6_verdict, t7_gpu, t8_growth, forecast, startup, where_time_goes)
TOLD = ("python", "torch", "transformers", "peft", "trl", "lm_eval")
"""Packages whose versions are named below the table."""
MEASURED: dict[str, ModuleType] = {module.NAME: module for module in TARGETS if module is not t3_memory}


def markdown(modules: tuple[Any, ...] = TARGETS) -> str:
    return "\n".join([HEAD, *(line for module in modules for line in module.lines(read(module.NAME)))])


def parts() -> dict[str, str]:
    """Mark of a page → what stands there."""
    trained = [record for record in map(read, curves.DRAWN) if record]
    images = [
        f"![{title}: the losses of keeptune and TRL, step by step](images/{file})"
        for name, (file, title) in curves.DRAWN.items()
        if read(name)
    ]
    return {
        "speed": markdown(BESIDE_PEERS),
        "benchmarks": "\n".join([markdown(), *("" for _ in trained[:1]), *map(beside_trl.told, trained), "", made()]),
        "where-time-goes": where_time_goes.table(read(where_time_goes.NAME)),
        "loss-curves": "\n".join(images) or "Not measured yet.",
    }


def made() -> str:
    """A sentence on what made the records."""
    records = [record for record in map(read, MEASURED) if record]
    if not records:
        return "No record yet."
    commits = sorted({record["commit"][:9] + "+" * record["commit"].endswith("+") for record in records})
    days = sorted({record["created"][:10] for record in records})
    told = "{processor}, {cores} cores, {memory_gib} GiB"
    machines = sorted({told.format(**record["machine"]) for record in records})
    packages = sorted({f"{name} {version}" for name, version in versions(records) if name in TOLD})
    when = days[0] if len(days) == 1 else f"from {days[0]} to {days[-1]}"
    return f"Made {when} at {', '.join(commits)} on {'; '.join(machines)}, with {', '.join(packages)}."


def versions(found: Any) -> Iterator[tuple[str, str]]:
    """Ours and the peers', which lie within what they measured."""
    if isinstance(found, dict):
        yield from found.get("versions", {}).items()
    for inner in found.values() if isinstance(found, dict) else found if isinstance(found, list) else ():
        yield from versions(inner)


def main() -> None:
    """Measure what is missing, then print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--again", nargs="*", choices=MEASURED, metavar="NAME", help="measure these anew; all: no name")
    parser.add_argument("--only", nargs="*", choices=MEASURED, metavar="NAME", help="look at these alone")
    parser.add_argument("--table", action="store_true", help="print from the records alone")
    parser.add_argument("--json", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.json:
        print(json.dumps({"parts": parts(), "drawings": curves.drawings()}))
        return
    again = MEASURED if options.again == [] else options.again or ()
    for name in () if options.table else options.only or MEASURED:
        if name in again or not (RESULTS / f"{name}.json").exists():
            print(f"== {name}", flush=True)
            subprocess.run([sys.executable, str(Path(HERE) / f"{name}.py")], check=False)
    print(markdown())


if __name__ == "__main__":
    main()
