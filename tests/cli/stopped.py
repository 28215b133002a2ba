"""Command lines in processes of their own, which a signal stops at a chosen place.

The processes are forked from one that has imported keeptune already, and run nothing before: each costs a second.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from keeptune.records import EncodedRow

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["keeptune.api.tune", "keeptune.api.rescue", "keeptune.api.curve", "tests.cli.stopped"])

KILL = "kill"
"""SIGKILL, right after the first checkpoint."""


@dataclass(frozen=True)
class Ended:
    code: int
    """Negative: the signal that killed it."""
    out: str
    err: str


def keeptune(words: Sequence[str], folder: Path, stop: str = "", times: int = 1) -> Ended:
    """Run a command line in `folder`.

    Args:
        stop: `KILL`, or the name of a signal, which comes in the middle of the third step, so many `times`.
    """
    out, err = folder / ".out", folder / ".err"
    process = _context.Process(target=_run, args=(list(words), str(folder), stop, times, dict(os.environ)))
    process.start()
    process.join(600)
    assert process.exitcode is not None, "it hangs"
    return Ended(process.exitcode, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"))


def _run(words: list[str], folder: str, stop: str, times: int, environment: dict[str, str]) -> None:
    os.environ.update(environment)
    os.chdir(folder)
    for number, name in ((1, ".out"), (2, ".err")):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), number)
    sys.stdout, sys.stderr = os.fdopen(1, "w", encoding="utf-8"), os.fdopen(2, "w", encoding="utf-8")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _stop_by(stop, times)
    from keeptune.training import compile as compiling

    # Compiling would take most of the time.
    compiling.PAYS_FROM = 1 << 60
    from keeptune.cli.main import main

    code = main(words)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _stop_by(stop: str, times: int) -> None:
    from keeptune.training import loop

    save, of_step = loop.save_checkpoint, loop.Gradients.of_step

    def save_and_die(*args: object, **more: object) -> object:
        save(*args, **more)
        os.kill(os.getpid(), signal.SIGKILL)

    def step_and_stop(self: loop.Gradients, step: int, rows: Sequence[EncodedRow]) -> float:
        loss = of_step(self, step, rows)
        if step == 3:
            for _ in range(times):
                os.kill(os.getpid(), getattr(signal, stop))
        return loss

    if stop == KILL:
        loop.save_checkpoint = save_and_die
    elif stop:
        loop.Gradients.of_step = step_and_stop
