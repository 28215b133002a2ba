"""Break runs in many ways, go on as they say, and compare what they made with a run that nothing befell.

    python -m tests.faults.campaign --faults 240 --work build/faults

Faults are drawn with a fixed seed; which can be injected depends on the machine: a full and a read-only disk need the
right to mount one. Each record is written when its fault is over; those that are there are not run again.
"""

from __future__ import annotations

import argparse
import json
import random
import shlex
import shutil
import signal
import subprocess
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.faults.kinds import KINDS, MOUNTS, WORKERS, Break, Injection, Reference, can_mount
from tests.faults.oracle import differences, made
from tests.faults.process import ERR, OUT, Ended, run
from tests.faults.scenes import SCENES, WITH_WORKERS, make_home, processes_of, words

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "faults.json"
RESUMES = ("tune", "rescue")
"""Verbs with --resume; the others go on by the same command."""
FIRST_OF_WORKERS = 10_000
"""Number of the first fault of a worker."""
STARTS_AGAIN = 5
"""Commands that a run may need after its fault."""


@dataclass
class Outcome:
    """What a fault did."""

    scene: str
    kind: str
    at: float
    code: int = 0
    said: str = ""
    """The last lines of what the broken run said."""
    commands: list[str] = field(default_factory=list)
    """What was run afterwards, until the run was finished."""
    commit: str = ""
    problems: list[str] = field(default_factory=list)
    """What was wrong; none: the message told it, and the result is that of a run that nothing befell."""
    seconds: float = 0.0


def commit_of_code() -> str:
    root = Path(__file__).resolve().parents[2]
    words = ["git", "-C", str(root), "describe", "--always", "--dirty=+", "--abbrev=7"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def carry_out(injection: Injection, template: Path) -> Outcome:
    """Bring the fault about, go on as the run says until it is finished, and compare."""
    began = time.monotonic()
    shutil.rmtree(injection.folder, ignore_errors=True)
    injection.folder.mkdir(parents=True)
    shutil.copytree(template, injection.home, symlinks=True)
    outcome = Outcome(injection.scene, injection.kind, round(injection.at, 4), commit=commit_of_code())
    try:
        ended, mend = break_of(injection.kind)(injection)
        outcome.kind, outcome.code, outcome.said = injection.kind, ended.code, ended.err[-200:]
        check_words(ended, injection, outcome)
        last = ended
        for _ in range(STARTS_AGAIN):
            if is_finished(last, injection):
                break
            command = next_command(last, injection)
            checkpoint = newest_checkpoint(injection.home / "run")
            last = run(command, injection.home, count=processes_of(injection.scene))
            outcome.commands.append(f"{shlex.join(command)} → {last.code} {last_line(last.err)}"[:400])
            check_words(last, injection, outcome)
            if checkpoint and last.code in (0, 3, 4) and not mend and f"resumed at step {checkpoint}" not in last.err:
                outcome.problems.append(f"checkpoint-{checkpoint} was there, and it was not resumed from it")
            if mend and not is_finished(last, injection):
                mend()
                mend = None
        else:
            outcome.problems.append("it does not come to an end")
        if injection.kind == "data changed" and outcome.commands and is_finished(last, injection) and mend:
            # It went on with the changed data, which may be right if they were not read yet.
            outcome.said += " (went on with the changed data)"
        else:
            whole, found_there = dict(injection.reference.made), made(injection.home / "run", injection.home)
            if "fail" in injection.kind:
                # Checkpoints that could not be deleted.
                found_there = {name: each for name, each in found_there.items() if not name.startswith("checkpoint-")}
            if injection.damaged and is_found_when_used(injection):
                whole.pop(injection.damaged, None)
                found_there.pop(injection.damaged, None)
            found = differences(whole, found_there)
            outcome.problems += [f"another result: {each}" for each in found[:5]]
    finally:
        subprocess.run(["umount", "-l", str(injection.home)], check=False, capture_output=True)
    outcome.seconds = round(time.monotonic() - began, 1)
    return outcome


def is_found_when_used(injection: Injection) -> bool:
    """Whether a file that was damaged after its part of the run had ended makes an error where it is read: of a model,
    when it answers, of a result, when it is shown."""
    file = injection.home / "run" / injection.damaged
    of_model = file.parent.name in ("model", "adapter")
    owner = file.parent.parent if of_model else file.parent
    uses = ["predict", "known.jsonl", "--model", str(owner), "--output", "probe.jsonl"]
    used = run(uses if of_model else ["runs", "show", str(owner)], injection.home)
    return "error:" in used.err and "Traceback" not in used.err


def is_finished(ended: Ended, injection: Injection) -> bool:
    return ended.code == injection.reference.code or "results are never overwritten" in ended.err


def next_command(last: Ended, injection: Injection) -> list[str]:
    """What the run has printed, else the same command, with --resume where the verb has it and a run was begun."""
    lines = last.err.splitlines()
    for at, line in enumerate(lines[:-1]):
        if "resume it with" in line or "the same command starts again" in line:
            return shlex.split(lines[at + 1])[1:]
    again = words(injection.scene)
    begun = (injection.home / "run" / "config.json").exists()
    return [*again, "--resume"] if again[0] in RESUMES and begun else again


def newest_checkpoint(folder: Path) -> int:
    """The step of the run's, or that of the training inside it; 0 if there is none, or if the training has ended."""
    for run_folder in (folder / "whole", folder):
        steps = [int(path.name.rpartition("-")[2]) for path in run_folder.glob("checkpoint-*")]
        if steps and not (run_folder / "training.json").exists():
            return max(steps)
    return 0


def check_words(ended: Ended, injection: Injection, outcome: Outcome) -> None:
    """No traceback, and a message where it ended by itself."""
    if "Traceback (most recent call last)" in ended.err:
        outcome.problems.append(f"a traceback: {last_line(ended.err)}")
    elif ended.code == -1000:
        outcome.problems.append("it hangs")
    elif ended.code < 0 and ended.code not in (-signal.SIGKILL, -signal.SIGHUP):
        outcome.problems.append(f"ended by {signal.Signals(-ended.code).name}")
    elif ended.code > 0 and ended.code != injection.reference.code and "error:" not in ended.err.lower():
        known = [" failed: ", "resume it with", "starts again", "the result is in", "the same command continues"]
        # Before it has read its settings, there is nothing to go on with.
        known += [] if (injection.home / "run").exists() else ["stopped"]
        if not any(each in ended.err for each in known) and injection.kind != "nobody reads":
            outcome.problems.append(f"code {ended.code} without a message")


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""


def reference(scene: str, template: Path, folder: Path) -> Reference:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(template, folder, symlinks=True)
    ended = run(words(scene), folder, count=processes_of(scene))
    assert ended.code in (0, 3, 4), ended.err
    files = [file for name in ("run", "cache") for file in (folder / name).rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files)
    return Reference(made(folder / "run", folder), ended.code, ended.events, ended.seconds, size)


def plan(count: int, seed: int, kinds: list[str], scenes: list[str]) -> list[tuple[str, str, float]]:
    """(scene, kind, where) of each fault; every kind and scene as often as they weigh."""
    draw = random.Random(seed)
    weights = [KINDS[kind][1] for kind in kinds]
    of_kinds = draw.choices(kinds, weights, k=count)
    of_kinds[: len(kinds)] = kinds
    return [(scenes[at % len(scenes)], kind, draw.random()) for at, kind in enumerate(of_kinds)]


def plan_of_workers(count: int, seed: int) -> list[tuple[str, str, float]]:
    """The same for lost workers."""
    draw = random.Random(seed)
    of_processes, of_ray = WORKERS
    scenes = list(WITH_WORKERS)
    found = (scenes[at % len(scenes)] for at in range(count))
    return [(scene, of_processes if processes_of(scene) > 1 else of_ray, draw.random()) for scene in found]


def break_of(kind: str) -> Break:
    return WORKERS[kind] if kind in WORKERS else KINDS[kind][0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=240)
    parser.add_argument("--workers", type=int, default=24, help="faults of runs by several processes and on Ray")
    parser.add_argument("--first", type=int, default=0, help="begin with the fault of this number")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, default=Path("build/faults"))
    parser.add_argument("--only", default="", help="kinds that begin so")
    parser.add_argument("--scene", default="", help="this scene alone")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    work = options.work.resolve()
    template = work / "template"
    if not template.exists():
        make_home(template)
    kinds = [kind for kind in KINDS if kind not in MOUNTS or can_mount(work / "disk")]
    todo = dict(enumerate(plan(options.faults, options.seed, kinds, list(SCENES))))
    todo |= dict(enumerate(plan_of_workers(options.workers, options.seed), FIRST_OF_WORKERS))
    done = json.loads(options.results.read_text(encoding="utf-8")) if options.results.exists() else []
    known = {(each["number"]) for each in done}
    references: dict[str, Reference] = {}
    for number, (scene, kind, at) in todo.items():
        if (
            number < options.first
            or number in known
            or not kind.startswith(options.only)
            or (options.scene and scene != options.scene)
        ):
            continue
        if scene not in references:
            references[scene] = reference(scene, template, work / "reference" / "home")
        injection = Injection(scene, kind, at, options.seed * 100_000 + number, references[scene], work / "injection")
        outcome = carry_out(injection, template)
        told = "; ".join(outcome.problems) or "as nothing had been"
        print(
            f"{number} {scene}: {outcome.kind} at {at:.2f} → {outcome.code}, {len(outcome.commands)} more: {told}",
            flush=True,
        )
        if outcome.problems:
            kept = work / f"wrong-{number}"
            shutil.rmtree(kept, ignore_errors=True)
            kept.mkdir()
            (kept / "outcome.json").write_text(json.dumps(asdict(outcome), indent=1))
            for name in (OUT, ERR):
                if (injection.home / name).exists():
                    shutil.copy(injection.home / name, kept / name.lstrip("."))
        record = {"number": number, **asdict(outcome)}
        done.append(json.loads(json.dumps(record).replace(str(injection.home), "HOME")))
        options.results.parent.mkdir(parents=True, exist_ok=True)
        lines = (json.dumps(each, ensure_ascii=False) for each in sorted(done, key=lambda each: each["number"]))
        options.results.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
    wrong = sum(bool(each["problems"]) for each in done)
    print(f"{len(done)} faults, {wrong} with something wrong; python benchmarks/faults_table.py prints the table")


if __name__ == "__main__":
    main()
