"""What the scripts of this folder share: a process for each figure, ours and the peer's in turn, records, and aims.

A worker is a script in `ours/` or `peers/`: it reads one order, JSON, from stdin, and its last line on stdout is what
it found. The system tells its peak memory when it ends. Peers run in an environment of their own, `.venv-bench`, which
`make bench` sets up; KEEPTUNE_BENCH_PYTHON names another.

What a worker found lies in build/speed until the record is written, so that a script that was stopped goes on from
there, at the same commit without changes. There, too, lies what a worker that failed said.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import importlib.metadata
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RESULTS = HERE.parent / "results" / "speed"
BUILD = ROOT / "build" / "speed"
LONGEST_RUN = 45 * 60
"""Seconds after which a worker is stopped."""
Order = dict[str, Any]
Found = dict[str, Any]
QUIET = {"HF_HUB_DISABLE_TELEMETRY": "1"}
_asked: collections.Counter[str] = collections.Counter()
_found: list[Path] = []


def work(worker: str, order: Order, environment: Mapping[str, str] | None = None) -> Found:
    """What `worker` finds in a process of its own, or {"failed": why}; with its memory, and its processor time.

    What the same call of a script that was stopped has found is not measured again.
    """
    from keeptune.workspace import provenance

    commit = provenance.source_commit()
    asked = hashlib.sha256(json.dumps([worker, order, commit]).encode()).hexdigest()[:16]
    _asked[asked] += 1
    file = BUILD / f"{asked}-{_asked[asked]}.json"
    _found.append(file)
    if file.exists():
        kept: Found = json.loads(file.read_text(encoding="utf-8"))
        return kept
    found = _work(worker, order, environment or {})
    torch = found.get("versions", {}).get("torch")
    if torch and torch != importlib.metadata.version("torch"):
        sys.exit(f"the peers have torch {torch}, keeptune {importlib.metadata.version('torch')}: nothing is compared")
    if "failed" not in found and not commit.endswith("+"):
        BUILD.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(found), encoding="utf-8")
    return found


def _work(worker: str, order: Order, environment: Mapping[str, str]) -> Found:
    script, python = HERE / worker, _python(worker)
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(json.dumps(order).encode())
        given.seek(0)
        child = subprocess.Popen(
            [python, str(script)], stdin=given, stdout=out, stderr=err, env={**os.environ, **QUIET, **environment}
        )
        limit = threading.Timer(LONGEST_RUN, child.kill)
        limit.start()
        _, status, used = os.wait4(child.pid, 0)
        limit.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if child.returncode:
            said = err.read().decode(errors="replace").strip()
            BUILD.mkdir(parents=True, exist_ok=True)
            (BUILD / f"{script.stem}.err").write_text(said, encoding="utf-8")
            return {"failed": _without_paths(said.splitlines()[-1] if said else f"exit code {child.returncode}")}
        found: Found = json.loads(out.read().decode().strip().splitlines()[-1])
    scale = 1 if sys.platform == "darwin" else 1024
    found["peak_gib"] = found.get("peak_gib") or used.ru_maxrss * scale / 2**30
    found["processor_seconds"] = used.ru_utime + used.ru_stime
    return found


def surely(found: Found) -> Found:
    """What was found; where a worker of ours failed there is nothing to measure."""
    if "failed" in found:
        sys.exit(f"not measured: {found['failed']}")
    return found


def _python(worker: str) -> str:
    if not worker.startswith("peers/"):
        return sys.executable
    python = os.environ.get("KEEPTUNE_BENCH_PYTHON") or str(ROOT / ".venv-bench" / "bin" / "python")
    if not Path(python).exists():
        sys.exit("the peers have no environment: `make bench` sets it up, or KEEPTUNE_BENCH_PYTHON names one")
    return python


def _without_paths(text: str) -> str:
    return text.replace(str(ROOT), "$REPOSITORY").replace(str(Path.home()), "~")


def in_turn(pairs: int, runs: Mapping[str, Callable[[], Found]]) -> list[dict[str, Found]]:
    """What each of `runs` found, pair by pair, one after the other; every second pair in reverse order."""
    orders = [list(runs.items()), list(reversed(runs.items()))]
    return [{name: surely(run()) for name, run in orders[pair % 2]} for pair in range(pairs)]


def medians(pairs: Sequence[Mapping[str, Found]], who: str, what: str) -> float:
    return statistics.median(pair[who][what] for pair in pairs)


def ratios(pairs: Sequence[Mapping[str, Found]], what: str, over: str, under: str) -> list[float]:
    """`over`'s figure to `under`'s, pair by pair."""
    return [pair[over][what] / pair[under][what] for pair in pairs]


def fastest(tried: Mapping[str, Found], what: str) -> str:
    """The setting that does most a second, of those that did not fail."""
    done = [label for label in tried if "failed" not in tried[label]]
    if not done:
        sys.exit(f"every setting of the peer failed: {json.dumps(tried)}")
    return max(done, key=lambda label: tried[label][what])


@dataclass(frozen=True, slots=True)
class Aim:
    """What a target is to reach: a line of the table."""

    target: str
    work: str
    at_least: float | None = None
    at_most: float | None = None
    unit: str = "×"
    form: str = ".2f"

    def reached(self, value: float) -> bool:
        above = self.at_least is None or value >= self.at_least
        return above and (self.at_most is None or value <= self.at_most)

    def text(self) -> str:
        if self.at_least is not None and self.at_most is not None:
            return f"{self.at_least:g} to {self.at_most:g}{self.unit}"
        if self.at_least is None and self.at_most is None:
            return "–"
        return f"≥ {self.at_least:g}{self.unit}" if self.at_most is None else f"≤ {self.at_most:g}{self.unit}"

    def line(self, ours: str = "not measured yet", peer: str = "", values: Sequence[float] = (), note: str = "") -> str:
        """Markdown: the median of `values` with their range, against the aim."""
        shown = verdict = ""
        if values:
            middle = statistics.median(values)
            shown = f"{middle:{self.form}}{self.unit}"
            if len(values) > 1:
                shown += f" ({min(values):{self.form}} to {max(values):{self.form}})"
            told = self.at_least is None and self.at_most is None
            verdict = "" if told else ("yes" if self.reached(middle) else "no")
        work = f"{self.work}{note}"
        return f"| {' | '.join((self.target, work, ours, peer, shown, self.text(), verdict))} |"


HEAD = (
    "| target | work | keeptune | peer, its setting | ratio, or figure (range) | aim | met |\n"
    "|---|---|---|---|---|---|---|"
)


def read(name: str) -> Found | None:
    """The record of that name, if there is one."""
    file = RESULTS / f"{name}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def keep(name: str, found: Found) -> None:
    """Write a record: what was found, and what made it."""
    from keeptune.workspace import provenance

    made = {
        "commit": provenance.source_commit(),
        "created": provenance.now(),
        "machine": provenance.machine(),
        "versions": provenance.versions(),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    text = json.dumps(made | found, indent=1, ensure_ascii=False)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def options_of(text: str | None, **numbers: int) -> argparse.ArgumentParser:
    """The flags that every script has, and `numbers` of its own with their defaults."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in numbers.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default, metavar="N", help=f"[{default}]")
    parser.add_argument("--table", action="store_true", help="print from the record alone")
    parser.add_argument("--draft", action="store_true", help="print what was measured, and keep no record")
    return parser


def script(
    name: str,
    parser: argparse.ArgumentParser,
    measure: Callable[[argparse.Namespace], Found],
    lines: Callable[[Found | None], list[str]],
) -> None:
    """Measure and keep, then print the lines of the table."""
    options = parser.parse_args()
    record = read(name)
    if not options.table:
        load = os.getloadavg()[0]
        record = {"options": _told(options), "load_before": load, **measure(options)}
        if options.draft:
            print(json.dumps(record, indent=1, ensure_ascii=False))
        else:
            keep(name, record)
        for file in _found:
            file.unlink(missing_ok=True)
    print("\n".join([HEAD, *lines(record)]))


def _told(options: argparse.Namespace) -> Found:
    flags = {name: value for name, value in vars(options).items() if name not in ("table", "draft")}
    return {name: Path(value).name if name in ("model", "before") and value else value for name, value in flags.items()}
