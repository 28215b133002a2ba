"""Draws events on stderr: live bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ParamSpec, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.text import Text

from keeptune.events import (
    EvaluationDone,
    EvaluationProgress,
    EvaluationStarted,
    Event,
    Notice,
    Observer,
    RunFinished,
    StepDone,
    TrainingStarted,
    shown,
    silent,
)
from keeptune.report.event_lines import EventLines, duration
from keeptune.report.plain_lines import PlainLines
from keeptune.report.visible import visible

P = ParamSpec("P")
R = TypeVar("R")


def progress(*, quiet: bool = False) -> AbstractContextManager[Observer]:
    """The Observer for this terminal. Use it in a `with` block."""
    if quiet:
        return nullcontext(silent)
    console = Console(stderr=True, highlight=False)
    return LiveBars(console) if console.is_terminal else PlainLines()


def shows_progress(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, with its `observer` drawn as `progress` draws it unless the caller passes one."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*arguments: P.args, **named: P.kwargs) -> R:
        given = signature.bind(*arguments, **named)
        if given.arguments.get("observer", shown) is not shown:
            return function(*arguments, **named)
        with _default_observer() as observer:
            given.arguments["observer"] = observer
            return function(*given.args, **given.kwargs)

    return call


def _default_observer() -> AbstractContextManager[Observer]:
    """Bars in a terminal, lines under a notebook's cell, otherwise nothing."""
    if in_notebook():
        return PlainLines(click.echo)
    return progress(quiet=not sys.stderr.isatty())


def in_notebook() -> bool:
    """Whether this is the kernel of a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == "ZMQInteractiveShell"


class LiveBars:
    """An Observer that draws a bar for the current step and lines above it for finished ones."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn("[dim]{task.fields[detail]}"),
            console=console,
            transient=True,
        )
        self._task: TaskID | None = None
        self._lines = EventLines()

    def __enter__(self) -> LiveBars:
        self._progress.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._print(self._lines.rest())
        self._progress.stop()

    def __call__(self, event: Event, /) -> None:
        """Draw it."""
        self._print(self._lines.of(event), "dim" if isinstance(event, Notice) else "")
        match event:
            case TrainingStarted():
                self._begin("training", event.steps, event.first_step)
            case StepDone():
                detail = (
                    f"loss {event.loss:.3f} · {event.tokens_per_second:,.0f} tokens/s · "
                    f"lr {event.lr:.1e} · {duration(event.seconds_left)} left"
                )
                self._update(completed=event.step, total=event.steps, detail=detail)
            case EvaluationStarted():
                self._begin(event.name, event.items, 0)
            case EvaluationProgress():
                self._update(completed=event.done, total=event.items)
            case EvaluationDone() | RunFinished():
                self._end()
            case _:
                pass

    def _print(self, lines: list[str], style: str = "") -> None:
        for line in lines:
            self._progress.console.print(Text(visible(line), style=style))

    def _begin(self, name: str, total: int, completed: int) -> None:
        self._end()
        self._task = self._progress.add_task(name, total=total, completed=completed, detail="")

    def _update(self, **changes: Any) -> None:
        if self._task is not None:
            self._progress.update(self._task, **changes)

    def _end(self) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None
