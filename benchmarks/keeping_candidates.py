"""What else keeps abilities? Candidates from the literature, each trained once, on the model case.

    KEEPTUNE_DATA=<folder> python benchmarks/keeping_candidates.py --work build/model-case
    python benchmarks/keeping_candidates.py --table         print from the records alone

The case `summaries` of `keeping.py`, one seed, on 200 rows and fewer items: 100 summaries, 500 entities, 300 topics and
250 questions, none of them held out. Each candidate is one `keeptune tune` command with the default values of its
paper, fully tuned where its method allows, beside the plain training of the same method. A candidate that changes
weights after the training uses the plain training again. What has a record is not run again, a run that was stopped
goes on, and `--minutes` starts none after so many. Records are kept in `results/keeping_candidates/` and name their
commit.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import model_case
from keeping import BUILT_IN, base_of
from keeping_cases import CASES, METRICS, make_files, read_rows, write_rows
from keeping_records import Runner
from keeping_table import table

RESULTS = Path(__file__).parent / "results" / "keeping_candidates"
CASE = CASES[0]
ITEMS = {"ner": 500, "topic": 300, "qa": 250}
ROWS, TESTS = 200, 100
FULL, LORA = ["--method", "full"], ["--method", "lora"]
MLP = ["--rank", "10", "--target-modules", "gate_proj,up_proj,down_proj", "--weight-decay", "0.3"]
PLAINS = ("full", "lora")
CANDIDATES = {
    "full": [*FULL, "--plain"],
    **{name: [*FULL, "--mitigation", name] for name in ("infosft", "flow", "prift", "average", "lines")},
    **{rule: [*FULL, "--token-weights", rule] for rule in ("talr", "stm", "dft")},
    "asft": [*FULL, "--token-weights", "dft", "--kl", "0.1", "--kl-on", "task"],
    "smaller": [*FULL, "--lr-factor", "0.3", "--plain"],
    "lora": [*LORA, "--plain"],
    "intruders": [*LORA, "--mitigation", "intruders"],
    "lora-mlp": [*LORA, *MLP, "--plain"],
    "osf": ["--method", "osf", "--plain"],
    "sdft": [*FULL, "--mitigation", "sdft"],
}
"""Candidate → what its command has beside the task and the seed. The cheaper come first, and `PLAINS` before what is
compared with them."""


def make_items(data: Path, folder: Path) -> None:
    """The rows of the case, with fewer verdict items."""
    make_files(CASE, data, folder)
    for task, count in ITEMS.items():
        write_rows(folder / f"{task}.jsonl", read_rows(folder / f"{task}.jsonl")[:count])


def command(name: str, base: str, folder: Path) -> list[str]:
    """The command line of one candidate."""
    rows = ["--train", str(folder / "train.jsonl"), "--limit-train", str(ROWS)]
    rows += ["--test", str(folder / "test.jsonl"), "--limit-test", str(TESTS), "--metric", METRICS[CASE.task]]
    keep = [word for task in ITEMS for word in ("--keep", f"{task}={folder / task}.jsonl:{METRICS[task]}")]
    measured = ["--measure", "full", "--abilities", "none", "--fail-on", "none"]
    return ["tune", "--model", base, *rows, *keep, *measured, "--seed", "0", *CANDIDATES[name]]


def main() -> None:
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("build/model-case"), help="where the models lie")
    parser.add_argument("--only", nargs="*", choices=CANDIDATES, metavar="NAME", help="these candidates alone")
    parser.add_argument("--minutes", type=float, help="start none after so many minutes")
    parser.add_argument("--table", action="store_true", help="print the table and run nothing")
    options = parser.parse_args()
    if not options.table:
        data, work = model_case.places(options.work)
        model_case.make_rows(data, work)
        runner = Runner(work / "keeping-candidates", RESULTS)
        make_items(data, runner.work / "rows")
        base = base_of(CASE, BUILT_IN, data, runner)
        began = time.monotonic()
        for name in options.only or CANDIDATES:
            late = options.minutes is not None and time.monotonic() - began > 60 * options.minutes
            if late or runner.has_record(name):
                continue
            facts = {"case": CASE.name, "recipe": "plain" if name in PLAINS else "candidate"}
            runner.keep(name, command(name, base, runner.work / "rows"), facts)
    print(table(RESULTS))


if __name__ == "__main__":
    main()
