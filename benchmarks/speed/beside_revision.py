"""This code beside another revision of it: T1, T2, T4 and T5, in turn, in one run on one machine.

    KEEPTUNE_DATA=<folder> python benchmarks/speed/beside_revision.py --before CHECKOUT [--pairs 3] [--only T5 T4]
    python benchmarks/speed/beside_revision.py --table          print from the record alone

CHECKOUT is another checkout of this repository; its workers run with its own source. Before the pairs, each side
trains once so that what is compiled is in its cache. For T5 both models stay loaded and answer a few prompts in turn: a
shared machine's speed changes within the seconds that one run would take. The ratio is this code's rate to the other's,
pair by pair; 1 means equally fast. The record is results/speed/beside_revision.json; `--only` replaces
these workloads in it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import beside_trl
import t1_lora
import t2_full
from measure import HERE, ROOT, Aim, Found, in_turn, medians, options_of, ratios, read, script, surely, work
from rows import encoded, encoded_choices, model_folder

NAME = "beside_revision"
NOW, BEFORE = "now", "before"
RATE = "rate"
AT_ONCE = 8
"""Prompts of T5 that are answered at a time."""
AIMS = {
    "T1": Aim("T1", "LoRA, 8 rows a step", at_least=0.97),
    "T2": Aim("T2", "full fine-tuning, 8 rows a step", at_least=0.97),
    "T4": Aim("T4", "AG News, 4 choices", at_least=0.97),
    "T5": Aim("T5", "greedy answers", at_least=0.97),
}
UNITS = {"T1": "tokens/s", "T2": "tokens/s", "T4": "items/s", "T5": "tokens/s"}
Measure = Callable[[Found], float]


def measure(options: argparse.Namespace) -> Found:
    """Each workload by both, pair by pair."""
    if options.before is None:
        sys.exit("name the other checkout with --before")
    before = Path(options.before).resolve()
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for target, (worker, order, rate) in _workloads(options).items():
            if options.only and target not in options.only:
                continue
            roots = {NOW: ROOT, BEFORE: before}
            if target == "T5":
                found[target] = _answers_in_turn(order, roots, options.parts)
                continue
            runs = {name: _run(root, worker, order, rate, f"{folder}/{name}") for name, root in roots.items()}
            if target in ("T1", "T2"):
                for run in runs.values():
                    run()
            found[target] = in_turn(options.pairs, runs)
            for name in roots:
                print(f"  {target}, {name}: {medians(found[target], name, RATE):.1f} {UNITS[target]}", flush=True)
    commit = subprocess.check_output(["git", "-C", str(before), "rev-parse", "--short", "HEAD"], text=True).strip()
    record = read(NAME)
    kept = record["pairs"] if options.only and record and record["before"] == commit else {}
    return {"before": commit, "pairs": {**kept, **found}}


def _answers_in_turn(order: Found, roots: dict[str, Path], parts: int) -> list[dict[str, Found]]:
    """The rates of `parts` parts of the prompts, each answered by both, one after the other."""
    workers = {}
    for name, root in roots.items():
        environment = {**os.environ, "PYTHONPATH": str(root / "src")}
        words = [sys.executable, str(HERE / "ours/generate_in_parts.py")]
        workers[name] = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        print(json.dumps(order), file=workers[name].stdin, flush=True)

    def ask(name: str, prompts: list[list[int]]) -> Found:
        worker = workers[name]
        assert worker.stdout is not None
        print(json.dumps(prompts), file=worker.stdin, flush=True)
        found = json.loads(worker.stdout.readline())
        return {RATE: found["tokens"] / found["seconds"]}

    prompts = order["prompts"]
    for name in workers:
        ask(name, prompts[:2])
    pairs = []
    for part in range(parts):
        first = part * AT_ONCE % len(prompts)
        names = list(workers) if part % 2 else list(reversed(workers))
        pairs.append({name: ask(name, prompts[first : first + AT_ONCE]) for name in names})
    for worker in workers.values():
        worker.kill()
    return pairs


def _run(root: Path, worker: str, order: Found, rate: Measure, cache: str) -> Callable[[], Found]:
    script = root / HERE.relative_to(ROOT) / worker
    environment = {"PYTHONPATH": str(root / "src"), "TORCHINDUCTOR_CACHE_DIR": cache}

    def run() -> Found:
        return {RATE: rate(surely(work(str(script), order, environment)))}

    return run


def _workloads(options: argparse.Namespace) -> dict[str, tuple[str, Found, Measure]]:
    """Target → (worker, order, its rate)."""
    made: dict[str, tuple[str, Found, Measure]] = {}
    for target, case in (("T1", t1_lora.CASE), ("T2", t2_full.CASE)):
        given = beside_trl.given_to_both(case, options.steps)
        order = {**given.order, "rows": given.rows, "dtype": case.dtype, "compile": case.compile}
        made[target] = ("ours/train.py", order, _training_rate(given.tokens))
    items = encoded_choices("ag_news/dev.jsonl", options.items, True)
    model = model_folder()
    made["T4"] = (
        "ours/choices.py",
        {"model": model, "dtype": "auto", "items": items},
        lambda found: len(items) / found["seconds"],
    )
    prompts = [row["ids"][: row["start"]] for row in encoded("dialogsum/dev.jsonl", options.prompts)]
    made["T5"] = (
        "ours/generate_in_parts.py",
        {"model": model, "prompts": prompts, "new_tokens": options.new_tokens, "dtype": "auto"},
        lambda found: found["tokens"] / found["seconds"],
    )
    return made


def _training_rate(tokens: list[int]) -> Measure:
    def rate(found: Found) -> float:
        return float(sum(tokens[1 : len(found["ends"])]) / found["ends"][-1])

    return rate


def lines(record: Found | None) -> list[str]:
    """Of the table."""
    if record is None:
        return [aim.line() for aim in AIMS.values()]
    return [
        aim.line(
            f"{medians(pairs, NOW, RATE):.1f} {UNITS[target]}",
            f"{record['before']}: {medians(pairs, BEFORE, RATE):.1f} {UNITS[target]}",
            ratios(pairs, RATE, NOW, BEFORE),
        )
        for target, aim in AIMS.items()
        if target in record["pairs"]
        for pairs in [record["pairs"][target]]
    ]


def _options() -> argparse.ArgumentParser:
    parser = options_of(__doc__, pairs=3, steps=12, items=100, prompts=64, new_tokens=32, parts=24)
    parser.add_argument("--before", metavar="CHECKOUT")
    parser.add_argument("--only", nargs="*", choices=list(AIMS), metavar="TARGET")
    return parser


if __name__ == "__main__":
    script(NAME, _options(), measure, lines)
