"""How near a run comes to what its first steps forecast, in time and in memory.

    KEEPTUNE_DATA=<folder> python benchmarks/speed/forecast.py [--steps 40] [--draft]
    python benchmarks/speed/forecast.py --table          print from the record alone

Six runs that differ in method, length of the rows, rows a step and number format. A forecast is made after five steps,
of the whole training; the errors are its shares of what the run took. The record is results/speed/forecast.json.
"""

from __future__ import annotations

import argparse
import tempfile

from measure import Aim, Found, options_of, script, surely, work
from rows import encoded, model_folder

NAME = "forecast"
LONG, SHORT = "dialogsum/train.jsonl", "ag_news/train.jsonl"
RUNS = {
    "LoRA, long rows": {"method": "lora", "file": LONG},
    "LoRA, short rows": {"method": "lora", "file": SHORT},
    "full, long rows": {"method": "full", "file": LONG},
    "full, short rows": {"method": "full", "file": SHORT},
    "LoRA, long rows, 4 a step": {"method": "lora", "file": LONG, "rows_a_step": 4},
    "LoRA, short rows, float32": {"method": "lora", "file": SHORT, "dtype": "float32"},
}
LR = {"lora": 1e-3, "full": 1e-4}
TIME = Aim("forecast", "time, largest error of six runs", at_most=20, unit=" %", form=".0f")
MEMORY = Aim("forecast", "peak memory, largest error of six runs", at_most=20, unit=" %", form=".0f")


def measure(options: argparse.Namespace) -> Found:
    runs = {}
    with tempfile.TemporaryDirectory() as compiled:
        for name, run in RUNS.items():
            a_step = int(run.get("rows_a_step", 8))
            order = {
                "model": model_folder(),
                "method": run["method"],
                "lr": LR[str(run["method"])],
                "device": "cpu",
                "dtype": run.get("dtype", "auto"),
                "compile": None,
                "rows_a_step": a_step,
                "rows": encoded(str(run["file"]), options.steps * a_step),
            }
            found = surely(work("ours/train.py", order, {"TORCHINDUCTOR_CACHE_DIR": compiled}))
            if not found["forecast"]:
                raise SystemExit(f"{name}: too few steps for a forecast")
            runs[name] = {key: found[key] for key in ("forecast", "seconds", "peak_bytes", "notices")}
            print(f"  {name}: {error(runs[name], 'seconds'):+.0f} %", flush=True)
    return {"runs": runs}


def error(run: Found, what: str) -> float:
    """Of the forecast, percent of what the run took."""
    return 100 * (run["forecast"][what] / run[what] - 1)


def lines(record: Found | None) -> list[str]:
    if record is None:
        return [TIME.line(), MEMORY.line()]
    found = []
    for aim, what in ((TIME, "seconds"), (MEMORY, "peak_bytes")):
        errors = {name: error(run, what) for name, run in record["runs"].items()}
        told = ", ".join(f"{name} {value:+.0f} %" for name, value in errors.items())
        found.append(aim.line(told, "", [max(map(abs, errors.values()))]))
    return found


if __name__ == "__main__":
    script(NAME, options_of(__doc__, steps=40), measure, lines)
