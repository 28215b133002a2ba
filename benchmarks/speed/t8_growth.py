"""T8: ten times the rows take ten times the time, and no more memory.

    KEEPTUNE_DATA=<folder> python benchmarks/speed/t8_growth.py [--rows 160] [--pairs 2] [--draft]
    python benchmarks/speed/t8_growth.py --table          print from the record alone

LoRA on short rows (AG News): one epoch over `--rows` of them, and over the same rows ten times, so that the tokens are
ten times as many to the token. Seconds are those of the steps, without loading and compiling; memory is the whole
process's. The record is results/speed/t8_growth.json.
"""

from __future__ import annotations

import argparse
import tempfile

from measure import Aim, Found, in_turn, medians, options_of, ratios, script, surely, work
from rows import encoded, model_folder

NAME = "t8_growth"
FEW, MANY = "few", "many"
TIMES = 10
TIME = Aim("T8", f"time of {TIMES} times the rows", at_least=0.9 * TIMES, at_most=1.1 * TIMES)
MEMORY = Aim("T8", f"peak memory of {TIMES} times the rows", at_most=1.1)


def measure(options: argparse.Namespace) -> Found:
    rows = encoded("ag_news/train.jsonl", options.rows)
    order = {"model": model_folder(), "method": "lora", "lr": 1e-3, "device": "cpu", "rows_a_step": 8}
    with tempfile.TemporaryDirectory() as compiled:

        def train(times: int) -> Found:
            more = {"rows": rows * times, "dtype": "auto", "compile": True}
            found = surely(work("ours/train.py", {**order, **more}, {"TORCHINDUCTOR_CACHE_DIR": compiled}))
            print(f"  {len(rows) * times} rows: {found['step_seconds']:.0f} s", flush=True)
            return found

        pairs = in_turn(options.pairs, {FEW: lambda: train(1), MANY: lambda: train(TIMES)})
    for found in (found for pair in pairs for found in pair.values()):
        found.pop("losses")
        found.pop("ends")
    return {"tokens": sum(len(row["ids"]) for row in rows), "rows": len(rows), "pairs": pairs}


def lines(record: Found | None) -> list[str]:
    if record is None:
        return [TIME.line(), MEMORY.line()]
    pairs, rows = record["pairs"], record["rows"]
    seconds = [
        f"{rows * times} rows: {medians(pairs, who, 'step_seconds'):.0f} s" for who, times in ((MANY, 10), (FEW, 1))
    ]
    peaks = [f"{rows * times} rows: {medians(pairs, who, 'peak_gib'):.2f} GiB" for who, times in ((MANY, 10), (FEW, 1))]
    return [
        TIME.line(seconds[0], f"keeptune, {seconds[1]}", ratios(pairs, "step_seconds", MANY, FEW)),
        MEMORY.line(peaks[0], f"keeptune, {peaks[1]}", ratios(pairs, "peak_gib", MANY, FEW)),
    ]


if __name__ == "__main__":
    script(NAME, options_of(__doc__, rows=160, pairs=2), measure, lines)
