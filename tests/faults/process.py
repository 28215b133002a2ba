"""A command line in a process of its own, with a fault in it.

The processes are forked from one that has imported keeptune already, and computes nothing.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(
    ["keeptune.api.tune", "keeptune.api.rescue", "keeptune.api.curve", "keeptune.api.measure", "tests.faults.process"]
)
OUT, ERR, EVENTS = ".out", ".err", ".events"
"""What a process leaves beside its run: what it said, and how many files it wrote, moved or deleted."""
PATIENCE = 300.0
"""Seconds that a run of seconds may take."""
CHANGING = ("os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.link", "os.symlink")


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    code: int
    """Negative: the signal that killed it. -1000: it had to be stopped."""
    out: str
    err: str
    events: int
    seconds: float


@dataclass(frozen=True)
class Inside:
    """What goes wrong inside of a process."""

    event: int = 0
    """The write, move or deletion at which it happens, counted from 1; 0: never."""
    signal: int = 0
    """Sent at that event."""
    error: int = 0
    """The event fails with this errno."""
    lasting: bool = False
    """All later ones fail too."""
    jump: float = 0.0
    """Seconds by which the clock jumps at that event."""
    memory: int = 0
    """Bytes of address space that it may have more than at its start."""
    hang_up: float = 0.0
    """Seconds after which nobody reads what it says."""


NOTHING = Inside()


def start(
    words: Sequence[str],
    folder: Path,
    inside: Inside = NOTHING,
    name: str = "",
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Any:
    """Start a command line in `folder`; `name` sets what it leaves there apart, and `environment` adds to its own."""
    arguments = (list(words), str(folder), inside, name, {**os.environ, **environment})
    process = context.Process(target=_run, args=arguments)
    process.start()
    return process


def finish(process: Any, folder: Path, began: float, name: str = "") -> Ended:
    """Wait for it."""
    process.join(max(1.0, PATIENCE - (time.monotonic() - began)))
    code = process.exitcode
    if code is None:
        process.kill()
        process.join()
        code = -1000
    texts = [_read(folder / f"{name}{kind}") for kind in (OUT, ERR, EVENTS)]
    return Ended(code, texts[0], texts[1], int(texts[2] or 0), time.monotonic() - began)


def launched(count: int) -> list[dict[str, str]]:
    """What a launcher sets in the environment of each process; nothing for a single one."""
    if count == 1:
        return [{}]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    common = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    return [{**common, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(count)]


def start_all(words: Sequence[str], folder: Path, count: int, inside: Inside = NOTHING) -> list[Any]:
    """Start a command line as `count` processes of one run; what befalls, befalls the first."""
    return [
        start(words, folder, NOTHING if rank else inside, "" if not rank else f"of-{rank}", environment)
        for rank, environment in enumerate(launched(count))
    ]


def finish_all(processes: Sequence[Any], folder: Path, began: float) -> Ended:
    """Wait for all; how the first ended."""
    ended = [finish(each, folder, began, "" if not rank else f"of-{rank}") for rank, each in enumerate(processes)]
    return ended[0]


def run(words: Sequence[str], folder: Path, inside: Inside = NOTHING, count: int = 1) -> Ended:
    """Run a command line in `folder`, as so many processes."""
    began = time.monotonic()
    return finish_all(start_all(words, folder, count, inside), folder, began)


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""


def _run(words: list[str], folder: str, inside: Inside, name: str, environment: dict[str, str]) -> None:
    os.environ.update(environment)
    os.chdir(folder)
    os.environ["KEEPTUNE_CACHE"] = str(Path(folder) / "cache")
    os.setpgrp()
    for number, kind in ((1, OUT), (2, ERR)):
        os.dup2(os.open(f"{name}{kind}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), number)
    sys.stdout, sys.stderr = os.fdopen(1, "w", encoding="utf-8"), os.fdopen(2, "w", encoding="utf-8")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from keeptune.training import compile as compiling

    # Compiling would take most of the time.
    compiling.PAYS_FROM = 1 << 60
    counted = _watch(Path(folder), inside)
    if inside.hang_up:
        threading.Thread(target=_hang_up, args=(inside.hang_up,), daemon=True).start()
    if inside.memory:
        with open("/proc/self/statm", encoding="utf-8") as file:
            now = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + inside.memory, resource.RLIM_INFINITY))
    code = 1
    try:
        from keeptune.cli.main import main

        code = main(words)
    except BaseException:  # noqa: BLE001 - as the interpreter ends with one
        import traceback

        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:
                code = code or 1
        inside_events = counted()
        Path(f"{name}{EVENTS}").write_text(str(inside_events), encoding="utf-8")
        os._exit(code)


def _watch(folder: Path, inside: Inside) -> Callable[[], int]:
    """Count what is written, moved and deleted in `folder`, and let the fault happen at its event."""
    home, count, off = f"{folder}{os.sep}", [0], [False]
    clock = time.time

    def at_event(event: str, arguments: tuple[Any, ...]) -> None:
        if off[0] or not _changes(event, arguments):
            return
        path = os.path.abspath(os.fsdecode(arguments[0])) if isinstance(arguments[0], (str, bytes, os.PathLike)) else ""
        if not path.startswith(home) or os.path.basename(path).endswith((OUT, ERR, EVENTS)):
            return
        count[0] += 1
        if not inside.event or count[0] < inside.event or (count[0] > inside.event and not inside.lasting):
            return
        if inside.signal:
            os.kill(os.getpid(), inside.signal)
        if inside.jump:
            time.time = lambda: clock() + inside.jump
        if inside.error:
            raise OSError(inside.error, os.strerror(inside.error), path)

    def done() -> int:
        off[0] = True
        return count[0]

    sys.addaudithook(at_event)
    return done


def _changes(event: str, arguments: tuple[Any, ...]) -> bool:
    if event == "open":
        flags = arguments[2] if len(arguments) > 2 else 0
        return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    return event in CHANGING


def _hang_up(seconds: float) -> None:
    """From then on, whoever writes to the terminal gets EPIPE."""
    time.sleep(seconds)
    read, write = os.pipe()
    os.close(read)
    for number in (1, 2):
        os.dup2(write, number)


FULL, READ_ONLY, BROKEN = errno.ENOSPC, errno.EROFS, errno.EIO
