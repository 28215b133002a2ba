"""T6: what the measure of eight abilities adds to a training, the base's answers being kept from before.

    KEEPTUNE_DATA=<folder> python benchmarks/speed/t6_verdict.py [--rows 500] [--items 50] [--pairs 2] [--draft]
    python benchmarks/speed/t6_verdict.py --table          print from the record alone

Wall times of `keeptune tune --model smollm2` on DialogSum, all defaults: with a quick measure of eight built-in
abilities, and with `--measure none`; both also score base and tuned on the task's test items. A run before, on few
rows, fills the caches of the base's answers and of compiled blocks, in a folder of its own. The record is
results/speed/t6_verdict.json.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import Aim, Found, in_turn, medians, options_of, ratios, script
from rows import MODEL, data_file

NAME = "t6_verdict"
MEASURED, ALONE = "with the measure", "alone"
ABILITIES = (
    "sentiment", "topic", "entity_recognition", "passage_qa", "inference", "facts", "word_meaning", "grammar",
)  # fmt: skip
FEW = 128
"""Rows of the run before: enough for its blocks to be compiled, which fewer tokens do not pay for."""
AIM = Aim("T6", "eight abilities measured, beside the training alone", at_most=1.5)


def measure(options: argparse.Namespace) -> Found:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)

        def tune(*measured: str, some: int = options.rows) -> Found:
            rows = ["--train", str(data_file("dialogsum/train.jsonl")), "--limit-train", str(some)]
            rows += ["--test", str(data_file("dialogsum/dev.jsonl")), "--limit-test", str(options.items)]
            output = Path(tempfile.mkdtemp(dir=folder)) / "run"
            words = [
                "tune",
                "--plain",
                "--model",
                MODEL,
                *rows,
                *measured,
                "--fail-on",
                "none",
                "--output",
                str(output),
            ]
            own = {"KEEPTUNE_CACHE": str(folder / "cache"), "TORCHINDUCTOR_CACHE_DIR": str(folder / "compiled")}
            began = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "keeptune", *words],
                env={**os.environ, **own},
                check=True,
                stdout=subprocess.DEVNULL,
            )
            seconds = time.perf_counter() - began
            result = json.loads((output / "result.json").read_text(encoding="utf-8"))
            print(f"  {' '.join(measured)}: {seconds:.0f} s", flush=True)
            return {"seconds": seconds, "training_seconds": result["training"]["seconds"]}

        asked = [word for name in ABILITIES for word in ("--abilities", name)]
        with_measure = ("--measure", "quick", *asked)
        runs = {MEASURED: lambda: tune(*with_measure), ALONE: lambda: tune("--measure", "none")}
        first = tune(*with_measure, some=min(FEW, options.rows))
        return {"abilities": ABILITIES, "first": first, "pairs": in_turn(options.pairs, runs)}


def lines(record: Found | None) -> list[str]:
    if record is None:
        return [AIM.line()]
    pairs = record["pairs"]
    measured, alone = (f"{medians(pairs, who, 'seconds') / 60:.1f} min" for who in (MEASURED, ALONE))
    return [AIM.line(measured, f"keeptune, `--measure none`: {alone}", ratios(pairs, "seconds", MEASURED, ALONE))]


if __name__ == "__main__":
    script(NAME, options_of(__doc__, rows=500, items=50, pairs=2), measure, lines)
