"""What `keeptune tune` reaches on real tasks with its defaults: one record a run, kept in `results/`.

    KEEPTUNE_DATA=<folder> python benchmarks/tasks.py            run what has no record yet, then print the table
    python benchmarks/tasks.py --table                           print the table from the records alone
    python benchmarks/tasks.py --only dialogsum-lora-seed0       one run

Each run is one `keeptune tune` command in a process of its own. A record is the run's result.json without the
texts of the data (their licences are their own) and with the data folder written as $KEEPTUNE_DATA; it names
the commit that made it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results"
DIALOGSUM = ["--train", "dialogsum/train.jsonl", "--test", "dialogsum/dev.jsonl", "--limit-train", "500"]
SEEDS = "dialogsum-lora-seed"
RUNS: dict[str, list[str]] = {
    "dialogsum-lora-seed0": [*DIALOGSUM, "--limit-test", "300", "--seed", "0"],
    "ner-lora-seed0": ["--train", "ner_wnut17/train.jsonl", "--test", "ner_wnut17/dev.jsonl", "--limit-train", "500"],
    "agnews-lora-seed0": ["--train", "ag_news/train.jsonl", "--test", "ag_news/dev.jsonl", "--limit-train", "500"],
    "xquad-lora-seed0": ["--train", "xquad_en/train.jsonl", "--test", "xquad_en/dev.jsonl"],
    "dialogsum-full-seed0": [*DIALOGSUM, "--limit-test", "300", "--seed", "0", "--method", "full"],
    "dialogsum-lora-seed1": [*DIALOGSUM, "--limit-test", "300", "--seed", "1"],
    "dialogsum-lora-seed2": [*DIALOGSUM, "--limit-test", "300", "--seed", "2"],
}
"""Name → arguments of `keeptune tune --model smollm2`; data files under $KEEPTUNE_DATA."""


def run(name: str, data: Path) -> None:
    """Run one entry and keep its record."""
    arguments = [str(data / word) if word.endswith(".jsonl") else word for word in RUNS[name]]
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / name
        command = [sys.executable, "-m", "keeptune", "tune", "--plain", "--model", "smollm2", *arguments]
        print(f"== {name}", flush=True)
        subprocess.run([*command, "--output", str(output)], check=True)
        result = json.loads((output / "result.json").read_text(encoding="utf-8"))
    result.pop("samples")
    result["path"] = name
    result["manifest"]["command"] = ["keeptune", "tune", "--plain", "--model", "smollm2", *RUNS[name]]
    text = json.dumps(_without_paths(result, str(data)), indent=1, ensure_ascii=False)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def _without_paths(value: Any, data: str) -> Any:
    if isinstance(value, dict):
        return {key: _without_paths(item, data) for key, item in value.items() if key != "output"}
    if isinstance(value, list):
        return [_without_paths(item, data) for item in value]
    return value.replace(data, "$KEEPTUNE_DATA") if isinstance(value, str) else value


def table() -> str:
    """Markdown, from the records on disk."""
    heads = [
        "run",
        "items",
        "metric",
        "base",
        "best baseline",
        "tuned",
        "gain (95 % interval)",
        "commit",
    ]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name in RUNS:
        file = RESULTS / f"{name}.json"
        if not file.exists():
            lines.append(f"| {name} | | not run yet | | | | | |")
            continue
        record = json.loads(file.read_text(encoding="utf-8"))
        for row in record["comparisons"]:
            if row["before_name"] == "base" and row["metric"] != "token_loss":
                lines.append(_row(name, record, row))
    return "\n".join([*lines, "", seeds()])


def seeds() -> str:
    """One sentence on the runs that differ in their seed alone."""
    files = sorted(RESULTS.glob(f"{SEEDS}*.json"))
    first = [json.loads(file.read_text(encoding="utf-8"))["comparisons"][0] for file in files]
    if len(first) < 3:
        return ""
    after = [row["after"] for row in first]
    gains = [row["difference"]["estimate"] for row in first]
    return (
        f"DialogSum by LoRA over {len(first)} seeds: {first[0]['metric']} {fmean(after):.1f} on average "
        f"({min(after):.1f} to {max(after):.1f}, standard deviation {stdev(after):.1f}), a gain of {fmean(gains):.1f}."
    )


def _row(name: str, record: dict[str, Any], row: dict[str, Any]) -> str:
    metric = row["metric"]
    others = {
        who: scores[metric]
        for who, scores in record["scores"].items()
        if who not in ("base", "tuned") and metric in scores
    }
    best = max(others, key=others.__getitem__, default=None)
    gain = row["difference"]
    return (
        f"| {name} | {row['items']} | {metric} | {row['before']:.1f} | "
        f"{f'{others[best]:.1f} ({best})' if best else '–'} | {row['after']:.1f} | "
        f"{gain['estimate']:+.1f} ({gain['low']:+.1f} to {gain['high']:+.1f}) | "
        f"{record['manifest']['commit'][:9]} |"
    )


def main() -> None:
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=RUNS, nargs="*", help="these runs alone")
    parser.add_argument("--table", action="store_true", help="print the table and run nothing")
    options = parser.parse_args()
    if not options.table:
        data = os.environ.get("KEEPTUNE_DATA")
        if not data:
            sys.exit("set KEEPTUNE_DATA to the folder of the data sets")
        RESULTS.mkdir(exist_ok=True)
        for name in options.only or RUNS:
            if not (RESULTS / f"{name}.json").exists():
                run(name, Path(data).resolve())
    print(table())


if __name__ == "__main__":
    main()
