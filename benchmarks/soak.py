"""Hours of mixed runs in one process: whether memory, open files, threads and temporary files stay as they were.

    python benchmarks/soak.py --minutes 120 --work DIR    run it, and keep the record in results/soak.json
    python benchmarks/soak.py --minutes 0 --work DIR      keep the record of a soak there that was cut off
    python benchmarks/soak.py --table                     print what the record says

A cycle (`soak_runs.Cycle`) calls every verb once or more on tiny models, with a stop by a signal and with errors among
them, on rows of its own. After each, what the process holds (`soak_process.held`) is appended to DIR/cycles.jsonl, and
the folder of the cycle before the last is deleted.

The rule, set before the soak: the first quarter of the cycles, at least three, is warm-up. After it, memory is flat
where the Theil-Sen slope of the resident memory over the trainings, less what safetensors keeps of each tensor that it
reads (`soak_process`), is under 1 MiB per 100 trainings, or its 95 % interval holds 0; the whole slope is told, too.
And open files by kind, threads, child processes and temporary files must be the same after the first
cycle that counts and after the last.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import soak_process
from soak_runs import Cycle, teach

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results" / "soak.json"
BEGUN, CYCLES = "begun.json", "cycles.jsonl"
WARM_UP, WARM_UP_CYCLES = 0.25, 3
FLAT = 1.0
"""MiB per 100 trainings."""
SAME = ("files", "threads", "children", "temporary")
SAMPLES = 40
"""Cycles in the record, evenly spaced, the first and the last among them."""


def soak(minutes: float, work: Path) -> None:
    """Cycles until the time is over; what the process held after each goes to `CYCLES`."""
    _settle(work)
    began, number, trainings = time.monotonic(), 0, 0
    while time.monotonic() - began < 60 * minutes:
        number += 1
        cycle = Cycle(number, work / "models", work / f"cycle-{number}")
        seconds = {}
        for name, taken in cycle.run():
            seconds[name] = round(taken, 1)
            print(f"{name} {taken:.0f} s", flush=True)
        trainings += cycle.trainings
        if number > 2:
            shutil.rmtree(work / f"cycle-{number - 2}")
        found = {"cycle": number, "trainings": trainings, "minutes": round((time.monotonic() - began) / 60, 2)}
        found |= {"seconds": round(sum(seconds.values()), 1), "failures": cycle.failures} | soak_process.held()
        found |= {"cache": round(soak_process.size(work / "cache"), 2)}
        with (work / CYCLES).open("a", encoding="utf-8") as file:
            file.write(json.dumps(found | {"by_run": seconds, "paths": soak_process.open_paths()}) + "\n")
        print(json.dumps(found), flush=True)


def _settle(work: Path) -> None:
    """Models, cache and temporary files in `work`."""
    for name in ("models", "cache", "tmp"):
        (work / name).mkdir(parents=True, exist_ok=name == "cache")
    os.environ |= {"KEEPTUNE_CACHE": str(work / "cache"), "TMPDIR": str(work / "tmp")}
    tempfile.tempdir = None
    sys.path.insert(0, str(ROOT))
    from tests import tiny

    from keeptune.cli.quiet_libraries import quiet_libraries
    from keeptune.workspace import provenance

    quiet_libraries()
    for kind in ("gpt2", "t5"):
        getattr(tiny, f"save_{kind}")(work / "models" / kind)
    teach(tiny.save_llama(work / "models" / "random"), work / "models" / "llama")
    begun = {"commit": provenance.source_commit(), "began": provenance.now(), "machine": provenance.machine()}
    begun["mib_a_read"] = soak_process.count_reads()
    (work / BEGUN).write_text(json.dumps(begun | {"versions": provenance.versions()}), encoding="utf-8")


def read(work: Path) -> list[dict[str, Any]]:
    """The cycles of a soak."""
    lines = (work / CYCLES).read_text(encoding="utf-8").splitlines()
    return [{key: value for key, value in json.loads(line).items() if key not in ("by_run", "paths")} for line in lines]


def judged(cycles: list[dict[str, Any]], mib_a_read: float) -> dict[str, Any]:
    """Growth after the warm-up, and what is not flat by the rule above.

    Args:
        mib_a_read: what safetensors keeps of each tensor that it reads.
    """
    warm_up = max(WARM_UP_CYCLES, round(WARM_UP * len(cycles)))
    counted = cycles[warm_up:]
    whole = _slope(counted, [each["rss"] for each in counted])
    own = _slope(counted, [each["rss"] - mib_a_read * each["reads"] for each in counted])
    first, last = counted[0], counted[-1]
    per_minute = (last["trainings"] - first["trainings"]) / (last["minutes"] - first["minutes"])
    grown = [] if own["estimate"] < FLAT or own["low"] <= 0 <= own["high"] else ["memory"]
    return {
        "warm_up": warm_up,
        "mib_per_100_trainings": whole,
        "less_tensor_reads": own,
        "mib_per_hour": round(whole["estimate"] / 100 * per_minute * 60, 2),
        "not_flat": grown + [name for name in SAME if first[name] != last[name]],
    }


def _slope(cycles: list[dict[str, Any]], memory: list[float]) -> dict[str, float]:
    """MiB per 100 trainings, with its 95 % interval."""
    from scipy.stats import theilslopes

    slope = theilslopes(memory, [each["trainings"] for each in cycles], 0.95)
    ends = {"estimate": slope.slope, "low": slope.low_slope, "high": slope.high_slope}
    return {name: round(100 * float(value), 3) for name, value in ends.items()}


def record(work: Path) -> dict[str, Any]:
    """Of a soak in `work`, whether or not it ended."""
    cycles = read(work)
    begun = json.loads((work / BEGUN).read_text(encoding="utf-8"))
    found = begun | {"minutes": cycles[-1]["minutes"], "cycles": len(cycles), "trainings": cycles[-1]["trainings"]}
    found["failures"] = [failure for cycle in cycles for failure in cycle.pop("failures")]
    places = {round(n * (len(cycles) - 1) / (SAMPLES - 1)) for n in range(SAMPLES)}
    found |= judged(cycles, begun["mib_a_read"])
    places = sorted({*places, found["warm_up"]})
    return found | {"samples": [cycles[place] for place in places]}


def table(record: dict[str, Any]) -> str:
    """What the record says."""
    first = next(each for each in record["samples"] if each["cycle"] == record["warm_up"] + 1)
    last, whole, own = record["samples"][-1], record["mib_per_100_trainings"], record["less_tensor_reads"]
    grown = f"not flat: {', '.join(record['not_flat'])}" if record["not_flat"] else "all flat"
    held = ", ".join(
        f"{name} {_count(first[key])} → {_count(last[key])}"
        for name, key in (("open files", "files"), ("threads", "threads"), ("temporary files", "temporary"))
    )
    return (
        f"{record['minutes']:.0f} minutes of mixed runs in one process ({record['cycles']} cycles, "
        f"{record['trainings']:,} trainings; {len(record['failures'])} parts failed), {grown}.\n"
        f"After {record['warm_up']} cycles of warm-up: resident memory {first['rss']:.0f} → {last['rss']:.0f} MiB, "
        f"{_told(whole)} MiB per 100 trainings, {_told(own)} less what safetensors keeps of the tensors that it read; "
        f"{held}."
    )


def _told(slope: dict[str, float]) -> str:
    return f"{slope['estimate']:+.2f} ({slope['low']:+.2f} to {slope['high']:+.2f})"


def _count(held: int | dict[str, int]) -> int:
    return held if isinstance(held, int) else sum(held.values())


def _written(record: dict[str, Any]) -> str:
    """JSON, a line a key and a line a sample."""
    samples = ",\n  ".join(json.dumps(each) for each in record["samples"])
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in record.items() if key != "samples"]
    return "{\n" + ",\n".join([*lines, f' "samples": [\n  {samples}\n ]']) + "\n}\n"


def main() -> None:
    """Soak, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--work", type=Path, help="a new folder for all that it writes; it may have a cache/ already")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    if not given.table:
        if given.work is None:
            parser.error("--work DIR says where it may write")
        if given.minutes:
            soak(given.minutes, given.work.resolve())
        given.results.write_text(_written(record(given.work)), encoding="utf-8")
    print(table(json.loads(given.results.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
