"""Run each target for a number of minutes of CPU time, and record what it found.

    python -m tests.fuzz.campaign --minutes 30 --work build/fuzz

Bytes are changed by atheris, by the branches that they reach (CONTRIBUTING.md says how to install it), and values of a
given structure are drawn by hypothesis. Each start appends a record for each target, and the work folder keeps what was
found. `python benchmarks/fuzzing_table.py` adds the records up. It needs Linux.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import multiprocessing
import re
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import hypothesis
from hypothesis import strategies

from tests.faults.campaign import commit_of_code
from tests.fuzz.engine import LOG, with_hypothesis
from tests.fuzz.targets import TARGETS

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "fuzzing.json"
MOST_ENDS = 20
"""Of processes by their inputs, in one start of a target."""
_COVERED = re.compile(r"\bcov: (\d+)")


@dataclass
class Outcome:
    """What one start of one target did."""

    target: str
    group: str
    engine: str
    commit: str
    cpu_seconds: float = 0.0
    executions: int = 0
    branches: int = 0
    """Of keeptune and its parsers, that atheris reached; 0: not counted."""
    findings: dict[str, str] = field(default_factory=dict)
    """Where → what: each once, by its first input."""


def search(name: str, seconds: float, work: Path) -> Outcome:
    """Run one target, again where an input ended its process."""
    target = TARGETS[name]
    outcome = Outcome(name, target.group, target.engine, commit_of_code())
    folder = work / re.sub(r"\W+", "-", name)
    folder.mkdir(parents=True, exist_ok=True)
    for _ in range(MOST_ENDS):
        left, seed = seconds - outcome.cpu_seconds, time.time_ns() % 2**31
        if left <= 0:
            break
        (folder / "state.json").unlink(missing_ok=True)
        code = _forked(name, folder, left, seed) if target.values else _started(name, folder, left, seed)
        log = folder / LOG
        text = log.read_text(encoding="utf-8", errors="replace")
        if not (folder / "state.json").exists():
            raise RuntimeError(f"{name} does not start: {text[-2000:]}")
        found = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        outcome.cpu_seconds = round(outcome.cpu_seconds + found["cpu_seconds"], 1)
        outcome.executions += found["executions"]
        outcome.findings |= found["findings"]
        outcome.branches = max([outcome.branches, *map(int, _COVERED.findall(text))])
        if code:
            log.rename(folder / f"ended-{time.time_ns()}.txt")
            outcome.findings[f"process ended with {code}"] = _last_words(text)
    return outcome


def _forked(name: str, folder: Path, seconds: float, seed: int) -> int | None:
    """The exit code of hypothesis."""
    process = multiprocessing.get_context("fork").Process(
        target=with_hypothesis, args=(TARGETS[name], folder, seconds, seed)
    )
    process.start()
    process.join()
    return process.exitcode


def _started(name: str, folder: Path, seconds: float, seed: int) -> int:
    """The exit code of atheris, which has to be there before what it instruments."""
    words = [sys.executable, "-m", "tests.fuzz.engine", name, TARGETS[name].check.__module__, str(folder)]
    words += ["--seconds", str(seconds), "--seed", str(seed)]
    with (folder / LOG).open("wb") as told:
        return subprocess.run(words, stdout=told, stderr=subprocess.STDOUT, check=False).returncode


def _last_words(text: str) -> str:
    told = [line for line in text.splitlines() if "ERROR" in line or "Timeout" in line or "terminate" in line]
    return (told or text.splitlines()[-1:] or [""])[0][:300]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0, help="of CPU time, for each target")
    parser.add_argument("--only", default="", help="targets whose name or group begins so")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--work", type=Path, default=Path("build/fuzz"))
    options = parser.parse_args()
    chosen = [
        name for name, each in TARGETS.items() if name.startswith(options.only) or each.group.startswith(options.only)
    ]
    if importlib.util.find_spec("atheris") is None:
        left_out = [name for name in chosen if TARGETS[name].engine == "atheris"]
        chosen = [name for name in chosen if name not in left_out]
        print(f"without atheris, {len(left_out)} targets are left out: {', '.join(left_out)}")
    # What hypothesis makes once, its forks need not make again.
    hypothesis.given(strategies.text())(lambda _: None)()
    for name in chosen:
        outcome = search(name, 60 * options.minutes, options.work.resolve())
        told = "; ".join(f"{where}: {what}" for where, what in outcome.findings.items()) or "nothing"
        print(f"{name}: {outcome.cpu_seconds:.0f} s of CPU, {outcome.executions:,} inputs, found {told}", flush=True)
        done = json.loads(options.results.read_text(encoding="utf-8")) if options.results.exists() else []
        done.append(asdict(outcome))
        options.results.parent.mkdir(parents=True, exist_ok=True)
        lines = (json.dumps(each, ensure_ascii=False) for each in done)
        options.results.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
