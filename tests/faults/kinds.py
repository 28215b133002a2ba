"""The kinds of faults, and how each is brought about in a run."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.process import BROKEN, FULL, READ_ONLY, Ended, Inside, finish, finish_all, run, start, start_all
from tests.faults.scenes import SCENES, processes_of, words


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


def lost_process(injection: Injection) -> tuple[Ended, None]:
    """The second process is killed."""
    began = time.monotonic()
    processes = start_all(words(injection.scene), injection.home, processes_of(injection.scene))
    processes[0].join(injection.at * injection.reference.seconds)
    processes[1].kill()
    return finish_all(processes, injection.home, began), None


def lost_worker(injection: Injection) -> tuple[Ended, None]:
    """A worker of Ray that runs a trial is killed."""
    began = time.monotonic()
    process = start(words(injection.scene), injection.home)
    process.join(injection.at * injection.reference.seconds)
    while process.is_alive():
        workers = [pid for pid, name in descendants(process.pid) if name.startswith("ray::_run_there")]
        if workers:
            os.kill(workers[0], signal.SIGKILL)
            break
        time.sleep(0.05)
    return finish(process, injection.home, began), None


def descendants(ancestor: int) -> list[tuple[int, str]]:
    """(id, command line) of the processes that this one has started, or one of them."""
    parents, names = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            names[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
    found = {ancestor}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return [(pid, names[pid]) for pid in found - {ancestor} if pid in names]


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
WORKERS: Mapping[str, Break] = {"a process of two lost": lost_process, "a worker of Ray lost": lost_worker}
"""Faults of the scenes with workers."""
MOUNTS = ("disk full", "disk read-only")
