"""Progress as plain lines, for logs and pipes: steps and items at most every `SECONDS_BETWEEN`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import click

from keeptune.events import EvaluationProgress, Event, StepDone
from keeptune.report.event_lines import EventLines, duration
from keeptune.report.visible import visible

SECONDS_BETWEEN = 10.0


def _write(line: str) -> None:
    click.echo(line, err=True)
    sys.stderr.flush()


class PlainLines:
    """An Observer that writes lines."""

    def __init__(self, write: Callable[[str], None] = _write, clock: Callable[[], float] = time.monotonic) -> None:
        self._write = write
        self._clock = clock
        self._last = -SECONDS_BETWEEN
        self._lines = EventLines()

    def __enter__(self) -> PlainLines:
        return self

    def __exit__(self, *raised: object) -> None:
        for line in self._lines.rest():
            self._write(visible(line))

    def __call__(self, event: Event, /) -> None:
        """Write the event. Progress is left out within `SECONDS_BETWEEN` of the last such line."""
        if isinstance(event, StepDone):
            if self._due() or event.step == event.steps:
                self._write(
                    f"step {event.step}/{event.steps}  loss {event.loss:.3f}  "
                    f"{event.tokens_per_second:,.0f} tokens/s  lr {event.lr:.1e}  "
                    f"{duration(event.seconds_left)} left"
                )
        elif isinstance(event, EvaluationProgress):
            if event.done < event.items and self._due():
                self._write(visible(f"{event.name}: {event.done}/{event.items} items"))
        else:
            for line in self._lines.of(event):
                self._write(visible(line))

    def _due(self) -> bool:
        now = self._clock()
        if now - self._last < SECONDS_BETWEEN:
            return False
        self._last = now
        return True
