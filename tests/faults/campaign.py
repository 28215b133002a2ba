"""Break runs in many ways, go on as they say, and compare what they made with a run that nothing befell.

    python -m tests.faults.campaign --faults 240 --work build/faults

Faults are drawn with a fixed seed; which can be injected depends on the machine: a full and a read-only disk need the
right to mount one. Each record is written when its fault is over; those that are there are not run again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.oracle import differences, made
from tests.faults.process import BROKEN, ERR, FULL, NOTHING, OUT, READ_ONLY, Ended, Inside, finish, run, start
from tests.faults.scenes import SCENES, make_home, words

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "faults.json"
RESUMES = ("tune", "rescue")
"""Verbs with --resume; the others go on by the same command."""
STARTS_AGAIN = 5
"""Commands that a run may need after its fault."""


@dataclass(frozen=True)
class Reference:
    """A run that nothing befell."""

    made: Mapping[str, Any]
    code: int
    events: int
    seconds: float
    bytes: int
    """Of its folder and its cache in the end."""


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


@dataclass
class Injection:
    """One fault in one scene."""

    scene: str
    kind: str
    at: float
    """Where in the run, as a share of its events, its seconds or its room."""
    seed: int
    reference: Reference
    folder: Path
    damaged: str = ""
    """The file of the run that was damaged."""

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def event(self) -> int:
        return max(1, round(self.at * self.reference.events))

    def with_inside(self, inside: Inside) -> Ended:
        return run(words(self.scene), self.home, inside)

    def with_signal(self, number: int) -> Ended:
        """Sent to the process at a time."""
        began = time.monotonic()
        process = start(words(self.scene), self.home)
        process.join(self.at * self.reference.seconds)
        if process.is_alive():
            os.kill(process.pid, number)
        return finish(process, self.home, began)


Break = Callable[[Injection], tuple[Ended, Callable[[], None] | None]]
"""Runs the scene with the fault in it; and what takes the cause away after the first command that follows, if the
fault is still there then."""


def signalled(number: int, by_time: bool) -> Break:
    def carry_out(injection: Injection) -> tuple[Ended, None]:
        if by_time:
            return injection.with_signal(number), None
        return injection.with_inside(Inside(event=injection.event, signal=number)), None

    return carry_out


def failing(error: int, lasting: bool) -> Break:
    return lambda injection: (injection.with_inside(Inside(event=injection.event, error=error, lasting=lasting)), None)


def clock(injection: Injection) -> tuple[Ended, None]:
    jump = random.Random(injection.seed).choice((-1, 1)) * 400 * 86400.0
    return injection.with_inside(Inside(event=injection.event, jump=jump)), None


def memory(injection: Injection) -> tuple[Ended, None]:
    return injection.with_inside(Inside(memory=int(4e6 * 100 ** (2 * injection.at) ** 0.5))), None


def hang_up(injection: Injection) -> tuple[Ended, None]:
    return injection.with_inside(Inside(hang_up=max(0.01, injection.at * injection.reference.seconds))), None


def full_disk(injection: Injection) -> tuple[Ended, None]:
    """A disk with room for a part of what the run writes."""
    with_disk(injection.home)
    disk = os.statvfs(injection.home)
    used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
    mount("-o", f"remount,size={used + int(injection.at * injection.reference.bytes) + 65536}", str(injection.home))
    ended = run(words(injection.scene), injection.home)
    mount("-o", "remount,size=4g", str(injection.home))
    return ended, None


def read_only_disk(injection: Injection) -> tuple[Ended, None]:
    """From the start: a disk on which a file is open for writing cannot become read-only."""
    with_disk(injection.home)
    mount("-o", "remount,ro", str(injection.home))
    name, began = str(injection.folder / "said"), time.monotonic()
    ended = finish(start(words(injection.scene), injection.home, name=name), injection.home, began, name)
    mount("-o", "remount,rw", str(injection.home))
    return ended, None


def with_disk(home: Path) -> None:
    """Put `home` on a disk of its own."""
    away = home.with_name("moved")
    os.rename(home, away)
    home.mkdir()
    mount("-t", "tmpfs", "-o", "size=4g", "tmpfs", str(home))
    shutil.copytree(away, home, symlinks=True, dirs_exist_ok=True)
    shutil.rmtree(away)


def mount(*options: str, check: bool = True) -> bool:
    return subprocess.run(["mount", *options], check=check, capture_output=True).returncode == 0


def can_mount(folder: Path) -> bool:
    folder.mkdir(parents=True, exist_ok=True)
    done = mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder), check=False)
    if done:
        subprocess.run(["umount", str(folder)], check=True)
    return done


def damaged(injection: Injection) -> tuple[Ended, Callable[[], None] | None]:
    """Killed, and then a file of the run is cut short, garbled, emptied or gone."""
    ended = injection.with_signal(signal.SIGKILL)
    files = [file for file in sorted((injection.home / "run").rglob("*")) if file.is_file() and file.name != ".lock"]
    if not files:
        return ended, None
    draw = random.Random(injection.seed)
    file = draw.choice(files)
    content = file.read_bytes()
    how = draw.choice(("cut", "garbled", "empty", "gone"))
    injection.damaged = str(file.relative_to(injection.home / "run"))
    if how == "gone":
        file.unlink()
    elif how == "garbled":
        at = draw.randrange(max(1, len(content)))
        file.write_bytes(content[:at] + bytes(draw.randrange(256) for _ in range(16)) + content[at + 16 :])
    else:
        file.write_bytes(content[: len(content) // 2] if how == "cut" else b"")
    injection.kind = f"damaged: {how} {re.sub(r'-[0-9]+', '-N', str(file.relative_to(injection.home / 'run')))}"

    def mend() -> None:
        if not file.parent.exists() or (file.exists() and file.read_bytes() == content):
            return
        file.write_bytes(content)

    return ended, mend


def of_data(change: bool) -> Break:
    """Killed, and then its data are gone or others."""

    def carry_out(injection: Injection) -> tuple[Ended, Callable[[], None]]:
        ended = injection.with_signal(signal.SIGKILL)
        line = SCENES[injection.scene].split()
        named = [word.partition("=")[2].partition(":")[0] or word for word in line if ".jsonl" in word]
        inputs = [
            injection.home / name for name in named if (injection.home / name).exists() and not name.startswith("run")
        ]
        file = random.Random(injection.seed).choice(inputs)
        content = file.read_text(encoding="utf-8")
        if change:
            file.write_text("".join(content.splitlines(keepends=True)[1:]), encoding="utf-8")
        else:
            file.unlink()
        return ended, lambda: void(file.write_text(content, encoding="utf-8"))

    return carry_out


def commit_of_code() -> str:
    root = Path(__file__).resolve().parents[2]
    words = ["git", "-C", str(root), "describe", "--always", "--dirty=+", "--abbrev=7"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def void(_value: Any) -> None:
    pass


def vanishing(injection: Injection) -> tuple[Ended, Callable[[], None]]:
    """A data file is gone while the run goes on."""
    began = time.monotonic()
    process = start(words(injection.scene), injection.home)
    process.join(injection.at * injection.reference.seconds)
    file = next(
        injection.home / word for word in re.split(r"[ =:]", SCENES[injection.scene]) if word.endswith(".jsonl")
    )
    content = file.read_text(encoding="utf-8")
    file.unlink()
    ended = finish(process, injection.home, began)
    file.write_text(content, encoding="utf-8")
    return ended, None


def second_run(injection: Injection) -> tuple[Ended, None]:
    """The same command again while the first runs."""
    began = time.monotonic()
    process = start(words(injection.scene), injection.home)
    process.join(injection.at * injection.reference.seconds)
    second = start(words(injection.scene), injection.home, name="second")
    other = finish(second, injection.home, began, "second")
    ended = finish(process, injection.home, began)
    if "Traceback" in other.err:
        ended = Ended(ended.code, ended.out, f"{ended.err}\nof the second: {other.err}", ended.events, ended.seconds)
    return ended, None


KINDS: Mapping[str, tuple[Break, int]] = {
    "killed": (signalled(signal.SIGKILL, by_time=True), 5),
    "killed at a write": (signalled(signal.SIGKILL, by_time=False), 6),
    "Ctrl-C": (signalled(signal.SIGINT, by_time=True), 3),
    "Ctrl-C at a write": (signalled(signal.SIGINT, by_time=False), 3),
    "terminated": (signalled(signal.SIGTERM, by_time=True), 2),
    "terminal closed": (signalled(signal.SIGHUP, by_time=True), 1),
    "nobody reads": (hang_up, 2),
    "a write fails: full": (failing(FULL, lasting=False), 3),
    "writes fail: full": (failing(FULL, lasting=True), 3),
    "writes fail: read-only": (failing(READ_ONLY, lasting=True), 2),
    "a write fails: I/O": (failing(BROKEN, lasting=False), 2),
    "disk full": (full_disk, 4),
    "disk read-only": (read_only_disk, 2),
    "out of memory": (memory, 4),
    "clock jumps": (clock, 2),
    "damaged": (damaged, 5),
    "data vanished": (of_data(change=False), 2),
    "data changed": (of_data(change=True), 2),
    "data vanish while it runs": (vanishing, 1),
    "second run": (second_run, 2),
}
"""Kind of fault → how it is brought about, and how often beside the others."""
MOUNTS = ("disk full", "disk read-only")


def carry_out(injection: Injection, template: Path) -> Outcome:
    """Bring the fault about, go on as the run says until it is finished, and compare."""
    began = time.monotonic()
    shutil.rmtree(injection.folder, ignore_errors=True)
    injection.folder.mkdir(parents=True)
    shutil.copytree(template, injection.home, symlinks=True)
    outcome = Outcome(injection.scene, injection.kind, round(injection.at, 4), commit=commit_of_code())
    try:
        ended, mend = KINDS[injection.kind][0](injection)
        outcome.kind, outcome.code, outcome.said = injection.kind, ended.code, ended.err[-200:]
        check_words(ended, injection, outcome)
        last = ended
        for _ in range(STARTS_AGAIN):
            if is_finished(last, injection):
                break
            command = next_command(last, injection)
            checkpoint = newest_checkpoint(injection.home / "run")
            last = run(command, injection.home)
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
    """Its step; 0 if there is none, or if the training has ended."""
    steps = [int(path.name.rpartition("-")[2]) for path in folder.glob("checkpoint-*")]
    return 0 if (folder / "training.json").exists() else max(steps, default=0)


def check_words(ended: Ended, injection: Injection, outcome: Outcome) -> None:
    """No traceback, and a message where it ended by itself."""
    if "Traceback (most recent call last)" in ended.err:
        outcome.problems.append(f"a traceback: {last_line(ended.err)}")
    elif ended.code == -1000:
        outcome.problems.append("it hangs")
    elif injection.kind == "out of memory" and ended.code == -signal.SIGABRT:
        # Libraries below Python end the process where they get no memory, as the system's own killer does.
        pass
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
    ended = run(words(scene), folder, NOTHING)
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=240)
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
    todo = plan(options.faults, options.seed, kinds, list(SCENES))
    done = json.loads(options.results.read_text(encoding="utf-8")) if options.results.exists() else []
    known = {(each["number"]) for each in done}
    references: dict[str, Reference] = {}
    for number, (scene, kind, at) in enumerate(todo):
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
