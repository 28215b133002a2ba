"""One run by one process and by several, on one machine: the same losses, and how fast.

    python benchmarks/scale.py            run what has no record yet, then print the table
    python benchmarks/scale.py --table    print the table from the record alone

The built-in model on a part of the built-in task, one epoch in float32, the machine's cores divided evenly among the
processes. The speed is that of the training loop, the memory the highest of the largest process. The record goes to
results/scale.json.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "scale.json"
METHODS = ("full", "lora")
WAYS = ((1, False), (2, False), (2, True))
"""Processes, and whether the model is divided over them."""
ROWS = 24


def run(method: str, processes: int, fsdp: bool) -> dict[str, Any]:
    """The losses of the steps, tokens per second, and the memory of the largest process."""
    from keeptune.workspace import provenance

    threads = max(1, (os.cpu_count() or 1) // processes)
    words = ["tune", "--train", "stdlib", "--limit-train", str(ROWS), "--limit-test", "8", "--epochs", "1"]
    words += ["--method", method, "--plain", "--measure", "none", "--device", "cpu", "--dtype", "float32"]
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes)] if processes > 1 else []
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "run"
        command = [sys.executable, *launcher, "-m", "keeptune", *words, "--torch-compile", "false"]
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        started = subprocess.Popen([*command, *(["--fsdp"] * fsdp), "--output", str(output)], env=environment)
        _, status, used = os.wait4(started.pid, 0)
        if status:
            raise SystemExit(f"{command} ended with {os.waitstatus_to_exitcode(status)}")
        training = json.loads((output / "result.json").read_text(encoding="utf-8"))["training"]
    return {
        "method": method,
        "processes": processes,
        "fsdp": fsdp,
        "threads": threads,
        "peak_gib": used.ru_maxrss / 2**20,
        "losses": [loss for _, loss in training["loss_curve"]],
        "tokens_per_second": training["tokens_per_second"],
        "trainable": training["trainable_parameters"],
        "commit": provenance.source_commit(),
        "machine": provenance.machine(),
    }


def table(found: list[dict[str, Any]]) -> str:
    """One row per run."""
    names = ("method", "processes × threads", "tokens/s", "× one process", "largest process")
    lines = [f"| {' | '.join(names)} | largest difference of a step's loss |", "|---|---|---|---|---|---|"]
    alone = {each["method"]: each for each in found if each["processes"] == 1}
    for each in found:
        one = alone[each["method"]]
        pairs = zip(one["losses"], each["losses"], strict=True)
        difference = max(abs(left - right) for left, right in pairs)
        speed, peak, way = each["tokens_per_second"], each.get("peak_gib"), ", `--fsdp`" * each.get("fsdp", False)
        most = f"{peak:.1f} GiB" if peak else "not recorded"
        lines.append(
            f"| {each['method']}{way} | {each['processes']} × {each['threads']} | {speed:.0f} "
            f"| {speed / one['tokens_per_second']:.2f} | {most} | {difference:.0e} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Run what is missing, then print the table."""
    found: list[dict[str, Any]] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []
    if "--table" not in sys.argv:
        for method in METHODS:
            for processes, fsdp in WAYS:
                if any(
                    (each["method"], each["processes"], each["fsdp"]) == (method, processes, fsdp) for each in found
                ):
                    continue
                found.append(run(method, processes, fsdp))
                found.sort(key=lambda each: (each["method"], each["processes"], each["fsdp"]))
                RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(table(found))


if __name__ == "__main__":
    main()
