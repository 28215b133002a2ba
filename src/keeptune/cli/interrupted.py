"""What to do after Ctrl-C: how an unfinished run goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from keeptune.events import CheckpointSaved, Event, Observer
from keeptune.store.runs import CONFIG, RESULT


class RunFolder:
    """Passes events on, and learns from them where the run is kept."""

    def __init__(self, observer: Observer, output: str) -> None:
        self._observer = observer
        self.path = Path(output).expanduser() if output else None

    def __call__(self, event: Event, /) -> None:
        """Pass it on."""
        if isinstance(event, CheckpointSaved):
            self.path = _whole_run(Path(event.path).parent)
        self._observer(event)


def _whole_run(folder: Path) -> Path:
    """The run that a training belongs to: a rung's, say, lies two folders below its own."""
    around = [parent for parent in list(folder.parents)[:2] if (parent / CONFIG).exists()]
    return around[-1] if around else folder


@contextmanager
def resume_hint(observer: Observer, output: str, verb: str = "tune") -> Iterator[Observer]:
    """Where the block is interrupted in a run that can go on, say by which command."""
    folder = RunFolder(observer, output)
    try:
        yield folder
    except KeyboardInterrupt:
        path = folder.path
        if path is not None and (path / CONFIG).exists() and not (path / RESULT).exists():
            again = f"keeptune tune --config {path / CONFIG} --resume"
            if verb != "tune":
                again = f"the same keeptune {verb} with --output {path}{' --resume' if verb == 'rescue' else ''}"
            click.echo(f"\nthe run in {path} is unfinished; it goes on by\n  {again}", err=True)
        raise
