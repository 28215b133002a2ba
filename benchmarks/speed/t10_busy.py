"""T10: a training beside other programs that compute, against its fair share of the processors.

    KEEPTUNE_DATA=<folder> python benchmarks/speed/t10_busy.py [--steps 6] [--draft]
    python benchmarks/speed/t10_busy.py --table          print from the record alone

Full fine-tuning of SmolLM2-135M on DialogSum rows, 8 rows a step, alone and beside one, two and four processes that
each multiply matrices on one thread. All have the same priority, so n of them leave a training on c cores, whose c
threads could use them all, c / (c + n) of its speed alone. `keeptune` is what a user gets: threads that sleep while
they wait for each other. `threads that spin` is the default of torch's OpenMP, which keeptune changes. The seconds of
compiling, from an empty cache each time, are held to the same share. The record is results/speed/t10_busy.json.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from beside_trl import Case, given_to_both
from measure import Aim, Found, options_of, script, surely, work

NAME = "t10_busy"
CASE = Case("full", lr=1e-4)
OTHERS = (0, 1, 2, 4)
OURS, SPINNING = "keeptune", "threads that spin"
WAYS: Mapping[str, Mapping[str, str]] = {OURS: {}, SPINNING: {"GOMP_SPINCOUNT": "300000"}}
RATE, COMPILING = "tokens_per_second", "compile_seconds"
COMPUTE = """
import torch
torch.set_num_threads(1)
matrix = torch.rand(512, 512)
print(flush=True)
while True:
    matrix @ matrix
"""
AT_LEAST = 0.8
"""Of the fair share."""


@contextmanager
def computing(count: int) -> Iterator[None]:
    """So many other processes compute in this block."""
    others = [subprocess.Popen([sys.executable, "-c", COMPUTE], stdout=subprocess.PIPE) for _ in range(count)]
    try:
        for each in others:
            assert each.stdout is not None
            each.stdout.readline()
        yield
    finally:
        for each in others:
            each.kill()
            each.wait()


def measure(options: argparse.Namespace) -> Found:
    """Each way beside each number of others."""
    given = given_to_both(CASE, options.steps)
    order = {**given.order, "rows": given.rows, "dtype": CASE.dtype, "compile": True}
    found: Found = {way: {} for way in WAYS}
    for others in OTHERS:
        for way, environment in WAYS.items():
            with tempfile.TemporaryDirectory() as compiled, computing(others):
                ran = surely(work("ours/train.py", order, {**environment, "TORCHINDUCTOR_CACHE_DIR": compiled}))
            ran[RATE] = sum(given.tokens[1:]) / ran["ends"][-1]
            found[way][str(others)] = {key: ran[key] for key in (RATE, COMPILING, "compiled", "losses")}
            print(f"  {way}, {others} others: {ran[RATE]:.0f} tokens/s, compiled in {ran[COMPILING]:.0f} s", flush=True)
    return {"cores": len(os.sched_getaffinity(0)), "ways": found}


def lines(record: Found | None) -> list[str]:
    """Of what is fair, how much the training had."""
    if record is None:
        return [Aim("T10", f"speed beside {others} others, of a fair share", AT_LEAST).line() for others in OTHERS[1:]]
    return [_line(record, what, others) for what in (RATE, COMPILING) for others in OTHERS[1:]]


def _line(record: Found, what: str, others: int) -> str:
    fair = record["cores"] / (record["cores"] + others)
    work_done, unit = ("training", "tokens/s") if what == RATE else ("compiling", "s")
    shares, told = {}, {}
    for way, by_others in record["ways"].items():
        alone, beside = by_others["0"][what], by_others[str(others)][what]
        shares[way] = (beside / alone if what == RATE else alone / beside) / fair
        told[way] = f"{beside:.0f} {unit}, alone {alone:.0f}"
    aim = Aim("T10", f"{work_done} beside {others} other process{'es' * (others > 1)}, of a fair share", AT_LEAST)
    return aim.line(told[OURS], f"{SPINNING}: {told[SPINNING]}, {shares[SPINNING]:.2f}×", [shares[OURS]])


if __name__ == "__main__":
    script(NAME, options_of(__doc__, steps=6), measure, lines)
