"""Does the default keep what the model knew, and at what price? Four cases, plain training beside the default.

    KEEPTUNE_DATA=<folder> python benchmarks/keeping.py --work build/model-case [--second-model PATH]
    python benchmarks/keeping.py --table                    print from the records alone

Each case is a generalist, which learned the tasks that are to be kept, tuned on a task that it never saw
(`keeping_cases.py`). `summaries` is the model case of `model_case.py`, whose generalist is used where `--work` holds
it. Each case is tuned fully and by LoRA, plainly and by the default, with three seeds; `--second-model` adds the case
`summaries` on another model, whose generalist is made the same way. The first seed of every case comes first, then the
mitigation search of each, then what the default costs where nothing would be lost, then the other seeds.

Each run is one `keeptune tune` command. A run that has a record is not run again, and one that was stopped goes on, so
that the table may grow over many calls; `--minutes` starts none after so many. Records are kept in `results/keeping/`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import model_case
from keeping_cases import CASES, PRICE, Case, generalist_command, make_files, task_command
from keeping_records import Runner
from keeping_table import METHODS, RESULTS, SEEDS, table

BUILT_IN = "smollm2"
RECIPES = {"plain": ["--plain"], "default": [], "search": ["--auto"]}
"""Recipe → what its command has beside the method and the seed."""
SECOND = "summaries-second"
"""The case `summaries` on the second model."""


@dataclass(frozen=True, slots=True)
class Run:
    """One command, and the record that it makes."""

    case: Case
    method: str
    recipe: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.case.name}-{self.method}-{self.recipe}-seed{self.seed}"


def runs(cases: tuple[Case, ...]) -> Iterator[Run]:
    """In the order of their value, since a call may end anywhere."""
    pairs = [(method, recipe) for method in METHODS for recipe in ("plain", "default")]
    for seed in SEEDS:
        for case in cases:
            yield from (Run(case, method, recipe, seed) for method, recipe in pairs)
        if seed == SEEDS[0]:
            yield from (Run(case, "full", "search", seed) for case in cases)
        yield from (Run(PRICE, method, recipe, seed) for method, recipe in pairs)


def base_of(case: Case, model: str, data: Path, runner: Runner) -> str:
    """The model that a case is tuned from; a generalist is trained where there is none yet."""
    if not case.learned:
        return model
    if case is CASES[0]:
        model_case.run("generalist", data, runner.work.parent)
        return str(runner.work.parent / model_case.BASE)
    folder = runner.work / case.name
    runner.finish(generalist_command(case, model, data, folder), runner.work / "generalists" / case.name)
    # A folder of weights alone: what the generalist was trained on is not declared by itself.
    base = folder / "base"
    if not base.exists():
        base.symlink_to(runner.work / "generalists" / case.name / "model")
    return str(base)


def carry_out(run: Run, model: str, data: Path, runner: Runner) -> None:
    """Run one command and keep its record."""
    folder = runner.work / run.case.name
    make_files(run.case, data, folder)
    words = task_command(run.case, base_of(run.case, model, data, runner), folder)
    words += ["--method", run.method, *RECIPES[run.recipe], "--seed", str(run.seed)]
    runner.keep(run.name, words, {"case": run.case.name, "recipe": run.recipe})


def main() -> None:
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("build/model-case"), help="where the models lie")
    parser.add_argument("--second-model", type=Path, metavar="PATH", help="a second model, for the case summaries")
    parser.add_argument("--only", nargs="*", metavar="NAME", help="runs whose names begin so, alone")
    parser.add_argument("--minutes", type=float, help="start none after so many minutes")
    parser.add_argument("--table", action="store_true", help="print the table and run nothing")
    options = parser.parse_args()
    if not options.table:
        data, work = model_case.places(options.work)
        model_case.make_rows(data, work)
        runner = Runner(work / "keeping", RESULTS)
        second = (replace(CASES[0], name=SECOND),) if options.second_model else ()
        began = time.monotonic()
        for run in runs((*CASES, *second)):
            late = options.minutes is not None and time.monotonic() - began > 60 * options.minutes
            chosen = not options.only or any(run.name.startswith(name) for name in options.only)
            if late or not chosen or runner.has_record(run.name):
                continue
            model = str(options.second_model.resolve()) if run.case.name == SECOND else BUILT_IN
            carry_out(run, model, data, runner)
    print(table())


if __name__ == "__main__":
    main()
