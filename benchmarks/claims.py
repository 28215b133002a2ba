"""Which remedies keep what, at what price: one table, on the built-in model and real data.

    KEEPTUNE_DATA=<folder> python benchmarks/claims.py --work build/model-case [--only NAME …] [--minutes X]
    python benchmarks/claims.py --table                                         print from the records alone

The model is the generalist of `model_case.py`, which knows entity recognition, topics, question answering and
inference; the task is 500 dialogue summaries. Each remedy is one `keeptune tune` command with the same verdict items:
three quarters of the model case's, as the ladder chooses by the rest. It may replay the rows that the generalist
learned, and `multitask` all train rows of the folder. CorDA measures what is to be kept on replayed rows, and so has
`lora-replay-5` beside it. `curve-N` are the points of the curve over N examples. What has a record is not run again,
so that the table may grow over many sittings. Records are kept in `results/claims/`, without the texts of the data,
and name their commit.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import model_case
from model_case import SOURCES, interval, keep_record, make_rows

RESULTS = Path(__file__).parent / "results" / "claims"
REPLAYED = ("ner", "topic", "qa", "inference")
CURVE = (50, 100, 250, 1000)
"""Examples beside none, which is the base, and 500, which is `full`."""


def remedies(work: Path) -> dict[str, list[str]]:
    """Name → what its command has beside the task."""
    old = [word for task in REPLAYED for word in ("--replay", str(work / f"old-{task}.jsonl"))]
    full = ["--method", "full"]
    found = {
        "full": full,
        "lora": ["--method", "lora"],
        "lora-slower": ["--method", "lora", "--lr-factor", "0.3"],
        **{f"replay-{share}": [*full, *old, "--replay-fraction", str(share / 100)] for share in (1, 5, 10, 25)},
        "self-replay": [*full, "--self-replay", "0.1"],
        "kl": [*full, "--kl", "0.5"],
        "dial-0.75": [*full, "--dial", "0.75"],
        "dial-0.5": [*full, "--dial", "0.5"],
        "freeze": [*full, "--freeze", "0.5"],
        "ewc": [*full, "--ewc", "10"],
        "lora-replay-5": ["--method", "lora", *old],
        "corda": ["--method", "corda", *old],
        "multitask": [*full, "--replay", str(work / "all.jsonl"), "--replay-fraction", "0.95", "--epochs", "1"],
        "ladder": [*full, *old, "--auto"],
        **{f"curve-{rows}": [*full, "--limit-train", str(rows)] for rows in CURVE},
    }
    seeds = {
        f"{name}-seed{n}": [*found[name], "--seed", str(n)] for name in ("full", "lora", "replay-5") for n in (1, 2)
    }
    return found | seeds | {f"ladder-seed{n}": [*found["ladder"], "--seed", str(n)] for n in (1, 2)}


def make_old_rows(data: Path, work: Path) -> None:
    """What the generalist learned, by task, and all train rows of the folder, into `work`."""
    make_rows(data, work)
    learned = (work / "mix.jsonl").read_text(encoding="utf-8").splitlines()
    start = 0
    for task in REPLAYED:
        stop = start + SOURCES[task][2]
        (work / f"old-{task}.jsonl").write_text("\n".join(learned[start:stop]) + "\n", encoding="utf-8")
        start = stop
    everything = []
    for file in sorted(data.glob("*/*train.jsonl")):
        if file.parent.name != "dialogsum":
            everything += [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    numbered = [json.dumps({**json.loads(line), "id": f"all/{n}"}) for n, line in enumerate(everything)]
    (work / "all.jsonl").write_text("\n".join(numbered) + "\n", encoding="utf-8")


def command(words: list[str], data: Path, work: Path) -> list[str]:
    """The command line of one remedy."""
    task = model_case.command("full", data, work)
    # The model case names the method and the number of rows itself; the remedy's own come last, and once.
    for flag in ("--method", "--limit-train"):
        if flag == "--method" or flag in words:
            place = task.index(flag)
            del task[place : place + 2]
    return [*task, *words, "--dev-fraction", "0.25"]


def table() -> str:
    """Markdown: a line a remedy; each ability's change with its interval."""
    head = [
        "remedy",
        "summaries",
        "gain",
        *(f"{task}" for task in SOURCES),
        "drift",
        "processor minutes",
        "verdict",
        "commit",
    ]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for name in remedies(Path()):
        file = RESULTS / f"{name}.json"
        if file.exists():
            lines.append(f"| {' | '.join(_cells(name, json.loads(file.read_text(encoding='utf-8'))))} |")
    missing = [name for name in remedies(Path()) if not (RESULTS / f"{name}.json").exists()]
    if missing:
        lines += ["", f"Not run yet: {', '.join(missing)}."]
    return "\n".join(lines)


def _cells(name: str, result: dict[str, Any]) -> list[str]:
    report = result["forgetting"]
    gain = report["task"]
    abilities = {ability["name"]: ability for ability in report["abilities"]}
    drifts = report["drift"] if isinstance(report["drift"], list) else []
    own = [row["kl"] for row in drifts if row["on"] == "text of the base"]
    chosen = f" ({report['ladder']['chosen']})" if report.get("ladder") else ""
    return [
        f"{name}{chosen}",
        f"{gain['after']:.1f}",
        interval(gain["difference"]),
        *(f"{abilities[task]['tuned']:.1f}: {_change(abilities[task]['drop'])}" for task in SOURCES),
        f"{own[0]['estimate']:.3f}" if own else "–",
        f"{result['process_minutes']:.0f}",
        ", ".join(f"{task} {abilities[task]['verdict']}" for task in SOURCES if abilities[task]["verdict"] != "kept")
        or "all kept",
        result["manifest"]["commit"][:9],
    ]


def _change(drop: dict[str, Any]) -> str:
    return interval({"estimate": -drop["estimate"], "low": -drop["high"], "high": -drop["low"]})


def main() -> None:
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("build/model-case"), help="where the models lie")
    parser.add_argument("--only", nargs="*", help="these remedies alone")
    parser.add_argument("--minutes", type=float, help="start none after so many minutes")
    parser.add_argument("--table", action="store_true", help="print the table and run nothing")
    options = parser.parse_args()
    if not options.table:
        data = os.environ.get("KEEPTUNE_DATA")
        if not data:
            sys.exit("set KEEPTUNE_DATA to the folder of the data sets")
        places = Path(data).resolve(), options.work.resolve()
        places[1].mkdir(parents=True, exist_ok=True)
        make_old_rows(*places)
        model_case.run("generalist", *places)
        began = time.monotonic()
        for name, words in remedies(places[1]).items():
            late = options.minutes is not None and time.monotonic() - began > 60 * options.minutes
            if late or (options.only and name not in options.only) or (RESULTS / f"{name}.json").exists():
                continue
            output = places[1] / "claims" / name
            keep_record(name, command(words, *places), output, *places, RESULTS)
    print(table())


if __name__ == "__main__":
    main()
