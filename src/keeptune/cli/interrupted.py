"""Interrupt a run: the first Ctrl-C or SIGTERM saves its progress and prints the command that continues it; the second
ends it."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click

from keeptune.commands import command, joined
from keeptune.errors import Stopped
from keeptune.events import Event, Observer, RunStarted
from keeptune.workspace.lineage import code_named_by
from keeptune.workspace.workspace import Workspace

SIGNALS = (signal.SIGINT, signal.SIGTERM)
WAITS = "\nstopping after this step, with a checkpoint; a second Ctrl-C stops at once\n"


class RunFolder:
    """Passes events on and remembers the run folder from them."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self.path: Path | None = None
        self.stopped: Stopped | None = None
        """What a signal has raised."""

    def __call__(self, event: Event, /) -> None:
        """Pass it on.

        Raises:
            Stopped: a signal has raised it where Python ignores exceptions, as while it frees an object.
        """
        if self.stopped:
            raise self.stopped
        if isinstance(event, RunStarted) and self.path is None:
            # Later events come from runs inside this one.
            self.path = Path(event.path)
        self._observer(event)


@contextmanager
def resume_hint(observer: Observer, verb: str = "tune") -> Iterator[Observer]:
    """If a signal stops the block, print the command that continues it."""
    folder = RunFolder(observer)
    try:
        with stopping_gently(folder):
            yield folder
    except KeyboardInterrupt:
        context = click.get_current_context(silent=True)
        words = context.obj if context is not None and context.obj else ()
        click.echo(f"\n{goes_on(folder.path, verb, words)}", err=True)
        raise


def goes_on(run: Path | None, verb: str, words: Sequence[str]) -> str:
    """The state of an interrupted run and the command that continues it.

    Args:
        run: its folder; None if it was interrupted before it had one.
        words: its command line, without the program's name.
    """
    kept = run is not None and (Workspace(run).has_settings or Workspace(run).is_study)
    if run is None or not kept:
        told = "only answers are saved so far" if verb in ("measure", "eval") else "nothing is trained so far"
        return f"{told}; the same command starts again:\n  {joined(('keeptune', *words))}"
    if Workspace(run).has_result:
        return f"the result is in {run}"
    return f"the run in {run} is unfinished; resume it with\n  {resume_command(run, verb, words)}"


def resume_command(run: Path, verb: str, words: Sequence[str]) -> str:
    """The command that continues the run in the folder `run`."""
    if verb == "tune" and not (Workspace(run).has_settings and code_named_by(Workspace(run).settings())):
        # The folder has all its settings.
        return command("tune", output=run, resume=True)
    again = list(words)
    flags = {word.replace("_", "-").partition("=")[0] for word in words}
    if not flags & {"-o", "--output", "--output-dir"}:
        again += ["--output", str(run)]
    if verb in ("tune", "rescue") and "--resume" not in words:
        again.append("--resume")
    return joined(["keeptune", *again])


@contextmanager
def stopping_gently(folder: RunFolder) -> Iterator[None]:
    """Signals let a training finish its step and save a checkpoint. Outside a training, and the second time, they stop
    at once."""
    if threading.current_thread() is not threading.main_thread():
        # Only the main thread receives signals.
        yield
        return
    from keeptune.training.stopping import ask_to_stop

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        why = Stopped(number)
        if not ask_to_stop(why):
            folder.stopped = why
            raise why
        with contextlib.suppress(OSError):
            # A signal may interrupt a print, which must not be re-entered.
            os.write(2, WAITS.encode())

    before = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
