"""Mixing many sources: examples a second, peak memory, and whether every planted repeat and leak is found.

    python benchmarks/mix.py [--rows 100000] [--sources 60] [--keep]    make the data, mix it, check, print the table
    python benchmarks/mix.py --table                                    print the table from the record alone

The data is made here from a seed: prompts of 20 to 150 words, frequent and rare ones as in natural text, half of the
sources under an instruction of their own, and three test sets. Planted are exact repeats within and across sources
(case and white space changed), near repeats with a Jaccard similarity of 0.8 to 0.95, and exact and near copies of test
rows. Each mix runs in a process of its own, which tells its time and its peak resident memory. A part of the rows is
compared with every other by brute force. All is done by one process, so speed is held to one core's time. `--keep`
writes the record to results/mix.json.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keeptune.data.mix.build import MIX, build_mix
from keeptune.data.mix.recipe import recipe_of_flags
from keeptune.events import silent
from keeptune.workspace import provenance

RESULTS = Path(__file__).parent / "results" / "mix.json"
WORDS = 30_000
TESTS = 3
TEST_ROWS = 500
PLANTED = 0.01
"""Share of the rows, of each kind of plant."""
ORACLE_ROWS = 1500
INSTRUCTIONS = (
    "Summarize the following text in one short sentence for a reader in a hurry:",
    "Read what is written below and say which topic it is about.",
    "Answer the question that is asked here, in your own words:",
    "Translate this passage, keeping its tone:",
)
KINDS = ("exact within", "exact across", "near", "exact leak", "near leak")
FLOORS = {"exact": 20_000, "near": 2_000}
MEMORY_GIB = 1.0
WAITED = 0.1
"""Share of the clock's time that a process may wait before the clock is not believed."""


@dataclass(slots=True)
class Text:
    """Seeded text in which some words are frequent and most are rare."""

    chance: random.Random
    words: list[str] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        syllables = [one + other for one in "bdfgklmnprstvz" for other in ("a", "e", "i", "o", "u", "ar", "en", "il")]
        made = ("".join(self.chance.choices(syllables, k=self.chance.randint(1, 4))) for _ in itertools.count())
        self.words = list(itertools.islice(dict.fromkeys(itertools.islice(made, 4 * WORDS)), WORDS))
        self.weights = list(itertools.accumulate(1 / (rank + 3) for rank in range(len(self.words))))

    def draw(self, low: int, high: int) -> list[str]:
        return self.chance.choices(self.words, cum_weights=self.weights, k=self.chance.randint(low, high))

    def exact(self, words: list[str]) -> str:
        """The same prompt in other clothes."""
        return self.chance.choice(("  ", "\n", " ")).join(self.chance.choice((str.upper, str))(word) for word in words)

    def near(self, words: list[str]) -> list[str] | None:
        """A copy with a similarity of 0.8 to 0.95; None where a few changes do not lead there."""
        copy = list(words)
        for _ in range(6):
            copy[self.chance.randrange(len(copy))] = self.chance.choice(self.words)
            if 0.8 <= jaccard(words, copy) <= 0.95:
                return copy
        return None


def shingles(words: list[str]) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(words[at : at + 3]) for at in range(max(1, len(words) - 2)))


def jaccard(first: list[str], second: list[str]) -> float:
    one, other = shingles(first), shingles(second)
    return len(one & other) / len(one | other)


def generate(folder: Path, rows: int, sources: int) -> dict[str, str]:
    """Write the files, and give the planted rows: id in the mix → kind."""
    text = Text(random.Random(0))
    chance = text.chance
    sizes = [rows * (1 + number % 5) // (3 * sources) for number in range(sources)]
    plants = {kind: round(PLANTED * rows) for kind in KINDS}
    own = sum(sizes)
    sizes = [max(20, size * (rows - sum(plants.values())) // own) for size in sizes]
    bodies = [[text.draw(20, 150) for _ in range(size)] for size in sizes]
    answers = [[" ".join(text.draw(5, 30)) for _ in range(size)] for size in sizes]
    written = [[(" ".join(words), answer) for words, answer in zip(*pair, strict=True)]
               for pair in zip(bodies, answers, strict=True)]  # fmt: skip
    tests = [[(text.draw(20, 150), " ".join(text.draw(5, 30))) for _ in range(TEST_ROWS)] for _ in range(TESTS)]
    planted: dict[str, str] = {}
    for kind, count in plants.items():
        for _ in range(count):
            home = chance.randrange(sources)
            into = home if kind == "exact within" else chance.randrange(home, sources)
            place = chance.randrange(sizes[home])
            words, answer = bodies[home][place], answers[home][place]
            if "leak" in kind:
                words, answer = chance.choice(tests[chance.randrange(TESTS)])
            copy = text.near(words) if "near" in kind else words
            if copy is not None:
                prompt = " ".join(copy) if "near" in kind else text.exact(copy)
                written[into].append((prompt, answer))
                planted[f"s{into:02}/{len(written[into])}"] = kind
    for number, part in enumerate(written):
        head = INSTRUCTIONS[number % len(INSTRUCTIONS)] + "\n\n" if number % 2 else ""
        write_rows(folder / f"s{number:02}.jsonl", ((head + prompt, answer) for prompt, answer in part))
    for number, test in enumerate(tests):
        head = f"Question {number}, for the test: " if number else ""
        write_rows(folder / f"test{number}.jsonl", ((head + " ".join(words), answer) for words, answer in test))
    return planted


def write_rows(path: Path, rows: Iterator[tuple[str, str]]) -> None:
    path.write_text("".join(json.dumps({"prompt": prompt, "completion": answer}) + "\n" for prompt, answer in rows))


def mix_once(folder: Path, near: str, output: Path) -> dict[str, Any]:
    """Mix in this process: what came out, its time and memory."""
    output.mkdir()
    flags = {
        "sources": tuple(str(path) for path in sorted(folder.glob("s*.jsonl"))),
        "test": tuple(str(path) for path in sorted(folder.glob("test*.jsonl"))) or None,
        "near_duplicates": near,
    }
    clock, processor = time.perf_counter(), time.process_time()
    report = build_mix(recipe_of_flags(flags), output, silent)
    seconds, used = time.perf_counter() - clock, time.process_time() - processor
    return {
        "read": sum(source.read for source in report.sources),
        "rows": report.rows,
        "characters": sum(source.characters for source in report.sources),
        "sha256": report.sha256,
        "seconds": seconds,
        "processor_seconds": used,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def in_own_process(folder: Path, near: str, output: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, "--once", str(folder), near, str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def all_ids(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("s*.jsonl")):
        with path.open() as handle:
            yield from (f"{path.stem}/{line}" for line, _ in enumerate(handle, start=1))


def kept_ids(mix: Path) -> set[str]:
    with mix.open() as handle:
        return {json.loads(line)["id"] for line in handle}


def found_plants(folder: Path, planted: dict[str, str], mix: Path) -> dict[str, Any]:
    """Of each kind (planted, found), and the false alarms among all other rows."""
    kept, every = kept_ids(mix), list(all_ids(folder))
    kinds = {
        kind: [sum(1 for k in planted.values() if k == kind),
               sum(1 for name, k in planted.items() if k == kind and name not in kept)]
        for kind in KINDS
    }  # fmt: skip
    alarms = [name for name in every if name not in kept and name not in planted]
    return {"kinds": kinds, "others": len(every) - len(planted), "false_alarms": len(alarms)}


def against_brute_force(scratch: Path) -> dict[str, int]:
    """A set with many near repeats: what the mix leaves out, and what comparing all pairs leaves out."""
    text = Text(random.Random(1))
    rows: list[list[str]] = []
    while len(rows) < ORACLE_ROWS:
        copy = text.near(text.chance.choice(rows)) if rows and text.chance.random() < 0.3 else None
        changed = list(copy) if copy else text.draw(20, 150)
        if copy and text.chance.random() < 0.5:
            changed[text.chance.randrange(len(changed))] = text.chance.choice(text.words)
        rows.append(changed)
    folder = scratch / "part"
    folder.mkdir()
    write_rows(folder / "s00.jsonl", ((" ".join(words), "the same answer") for words in rows))
    mix_once(folder, "0.8", scratch / "part-mix")
    kept = kept_ids(scratch / "part-mix" / MIX)
    sets = [shingles(words) for words in rows]
    expected = {
        f"s00/{j + 1}"
        for j in range(len(sets))
        if any(5 * len(sets[i] & sets[j]) >= 4 * len(sets[i] | sets[j]) for i in range(j))
    }
    removed = set(all_ids(folder)) - kept
    return {"rows": len(rows), "expected": len(expected), "missed": len(expected - removed),
            "invented": len(removed - expected)}  # fmt: skip


def measure(rows: int, sources: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder, scratch = Path(name) / "data", Path(name)
        folder.mkdir()
        planted = generate(folder, rows, sources)
        runs = {
            "exact": in_own_process(folder, "off", scratch / "exact"),
            "near": in_own_process(folder, "0.8", scratch / "near"),
            "near again": in_own_process(folder, "0.8", scratch / "again"),
        }
        digests = [hashlib.sha256((scratch / out / MIX).read_bytes()).hexdigest() for out in ("near", "again")]
        return {
            "commit": provenance.source_commit(),
            "created": provenance.now(),
            "machine": provenance.machine(),
            "versions": provenance.versions(),
            "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
            "sources": sources,
            "tests": TESTS,
            "runs": runs,
            "found": found_plants(folder, planted, scratch / "near" / MIX),
            "brute_force": against_brute_force(scratch),
            "same_bytes_twice": digests[0] == digests[1] == runs["near"]["sha256"],
        }


def failures(record: dict[str, Any]) -> list[str]:
    """What the record does not reach."""
    found, brute = record["found"], record["brute_force"]
    missed = []
    for kind, (planted, seen) in found["kinds"].items():
        if seen < (planted if "exact" in kind else 0.99 * planted):
            missed.append(f"{kind}: {seen} of {planted} found")
    if found["false_alarms"] >= 0.001 * found["others"]:
        missed.append(f"{found['false_alarms']} false alarms among {found['others']}")
    if brute["missed"] or brute["invented"]:
        missed.append(f"brute force: {brute['missed']} missed, {brute['invented']} invented")
    if not record["same_bytes_twice"]:
        missed.append("other bytes the second time")
    for name, run in record["runs"].items():
        if run["peak_gib"] > MEMORY_GIB:
            missed.append(f"{name}: {run['peak_gib']:.2f} GiB")
        if run["read"] / run["processor_seconds"] < FLOORS[name.split()[0]]:
            missed.append(f"{name}: {run['read'] / run['processor_seconds']:.0f} examples a second of processor time")
    return missed


def table(record: dict[str, Any]) -> str:
    """Markdown."""
    lines = [
        "| work | examples | sources | examples/s by the clock | examples/s of one core's time | peak memory, GiB |",
        "|---|---|---|---|---|---|",
    ]
    works = (("exact", "mixing, exact repeats and leaks"), ("near", "the same, and near repeats and leaks"))
    for name, work in works:
        run = record["runs"][name]
        rates = [f"{run['read'] / run[by]:,.0f}" for by in ("seconds", "processor_seconds")]
        if run["processor_seconds"] < (1 - WAITED) * run["seconds"]:
            rates[0] = "not measured: other work held the machine"
        lines.append(
            f"| {work} | {run['read']:,} | {record['sources']} | {rates[0]} | {rates[1]} | {run['peak_gib']:.2f} |"
        )
    found, brute = record["found"], record["brute_force"]
    kinds = ", ".join(f"{kind} {seen:,} of {planted:,}" for kind, (planted, seen) in found["kinds"].items())
    same = "the same bytes" if record["same_bytes_twice"] else "OTHER bytes"
    lines += [
        "",
        f"Planted rows found: {kinds}. False alarms: {found['false_alarms']} of {found['others']:,} other rows. "
        f"Against brute force on {brute['rows']:,} rows: {brute['missed']} of {brute['expected']} missed, "
        f"{brute['invented']} invented. Run twice: {same}.",
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure, or print the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--sources", type=int, default=60)
    parser.add_argument("--keep", action="store_true", help="write the record to results/")
    parser.add_argument("--table", action="store_true", help="print the table from the record alone")
    parser.add_argument("--once", nargs=3, metavar=("DATA", "NEAR", "OUTPUT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        folder, near, output = options.once
        print(json.dumps(mix_once(Path(folder), near, Path(output))))
        return
    record = json.loads(RESULTS.read_text()) if options.table else measure(options.rows, options.sources)
    print(table(record))
    if options.keep:
        RESULTS.write_text(json.dumps(record, indent=1) + "\n")
    if missed := failures(record):
        sys.exit("not reached: " + "; ".join(missed))


if __name__ == "__main__":
    main()
