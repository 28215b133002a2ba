"""How long keeptune takes to answer: its help, and the way to the first training step.

    KEEPTUNE_DATA=<folder> python benchmarks/speed/startup.py [--runs 5] [--rows 500] [--draft]
    python benchmarks/speed/startup.py --table          print from the record alone

`keeptune --help`, the median of `--runs`. `keeptune tune --model smollm2` with its defaults, the model converted
before, until "step 1/" stands on stderr: once with nothing kept from before but the model, and then with the compiled
blocks and what else the first start has found out. The record is results/speed/startup.json.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import Aim, Found, options_of, script
from rows import MODEL, data_file, model_folder

from keeptune.workspace.places import cache_folder

NAME = "startup"
HELP = Aim("startup", "`keeptune --help`", at_most=0.5, unit=" s")
STEP = Aim("startup", "`keeptune tune` to its first step", at_most=15, unit=" s", form=".1f")
FIRST = Aim("startup", "the same, the first time on a machine", unit=" s", form=".1f")
COMMAND = [sys.executable, "-m", "keeptune"]


def measure(options: argparse.Namespace) -> Found:
    model_folder()
    with tempfile.TemporaryDirectory() as cache:
        (Path(cache) / "models").symlink_to(cache_folder() / "models")
        return {
            "help": [_help() for _ in range(options.runs)],
            "first_step_uncompiled": _first_step(options.rows, cache),
            "first_step": [_first_step(options.rows, cache) for _ in range(max(options.runs // 2, 1))],
        }


def _help() -> float:
    began = time.perf_counter()
    subprocess.run([*COMMAND, "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _first_step(rows: int, cache: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        words = ["tune", "--model", MODEL, "--train", str(data_file("dialogsum/train.jsonl"))]
        words += ["--plain", "--limit-train", str(rows), "--measure", "none", "--output", str(Path(folder) / "run")]
        began = time.perf_counter()
        run = subprocess.Popen(
            [*COMMAND, *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "KEEPTUNE_CACHE": cache},
        )
        assert run.stderr is not None
        try:
            for line in run.stderr:
                if line.startswith("step 1/"):
                    return time.perf_counter() - began
        finally:
            run.terminate()
            run.communicate()
    sys.exit("not measured: the run ended before its first step")


def lines(record: Found | None) -> list[str]:
    if record is None:
        return [HELP.line(), STEP.line(), FIRST.line()]
    return [
        HELP.line("", "", record["help"]),
        STEP.line("", "", record["first_step"]),
        FIRST.line("", "", [record["first_step_uncompiled"]]),
    ]


if __name__ == "__main__":
    script(NAME, options_of(__doc__, runs=5, rows=500), measure, lines)
