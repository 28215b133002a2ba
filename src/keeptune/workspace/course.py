"""The course of a training, step by step, for whoever looks at a run before it is finished."""

from __future__ import annotations

import functools
import io
import json
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from keeptune.events import Event, Observer, StepDone, TrainingStarted, ValidationDone
from keeptune.workspace.growing_file import opened_for_appending
from keeptune.workspace.json_file import parse_json, read_regular

Points = tuple[tuple[float, float], ...]
"""(step, value), by step."""


@dataclass(slots=True)
class CourseLog:
    """An Observer that passes every event on, and appends each step and validation to a file of the run.

    No training depends on it: what cannot be written is left out. A `with` block closes the file.
    """

    observer: Observer
    file: Path
    _handle: IO[bytes] | None = field(default=None, init=False)

    def __enter__(self) -> CourseLog:
        with suppress(OSError):
            self._handle = open(self.file, "ab", opener=opened_for_appending)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handle:
            with suppress(OSError):
                self._handle.close()

    def __call__(self, event: Event, /) -> None:
        match event:
            case TrainingStarted():
                self._write({"first_step": event.first_step, "steps": event.steps})
            case StepDone():
                speed, left = event.tokens_per_second, event.seconds_left
                self._write({"step": event.step, "loss": event.loss, "tokens_per_second": speed, "seconds_left": left})
            case ValidationDone():
                self._write({"step": event.step, "validation": _finite(event.metrics)})
            case _:
                pass
        self.observer(event)

    def _write(self, line: Mapping[str, Any]) -> None:
        # A number that is none is refused; the line break before each line ends one that a killed writer has begun.
        with suppress(OSError, ValueError, TypeError):
            if self._handle:
                self._handle.write(b"\n" + json.dumps(line, allow_nan=False).encode() + b"\n")
                self._handle.flush()


@dataclass(frozen=True, slots=True)
class Course:
    """A training so far."""

    steps: int = 0
    """Of the whole training; 0 before it has begun."""
    trained: Points = ()
    """Loss of every step, nats a completion token."""
    validated: Mapping[str, Points] = field(default_factory=dict)
    """Metric → its values on the validation slice; ``loss`` first."""
    tokens_per_second: float = 0.0
    seconds_left: float = 0.0


def read_course(file: Path) -> Course:
    """The course that a `CourseLog` has written; empty where there is none. Lines that are damaged, or half written
    yet, are left out. A file that has not changed since it was read is not read again.

    Raises:
        OSError, ValueError: the file cannot be read.
    """
    try:
        found = os.stat(file)
        return _read(file, (found.st_ino, found.st_size, found.st_mtime_ns))
    except FileNotFoundError:
        return Course()


@functools.lru_cache(maxsize=4)
def _read(file: Path, _: tuple[int, ...]) -> Course:
    """The course in a file of this inode, size and time."""
    steps, last = 0, {}
    losses: dict[float, float] = {}
    scores: dict[str, dict[float, float]] = {"loss": {}}
    for line in io.BytesIO(read_regular(file)):
        with suppress(ValueError, TypeError, KeyError, AttributeError):
            plain = parse_json(line)
            if "first_step" in plain:
                # What was trained after the checkpoint from which it goes on is trained again.
                first, steps = _number(plain["first_step"]), int(_number(plain["steps"]))
                for curve in (losses, *scores.values()):
                    for step in [step for step in curve if step > first]:
                        del curve[step]
            elif "validation" in plain:
                step = _number(plain["step"])
                for metric, value in plain["validation"].items():
                    with suppress(ValueError):
                        scores.setdefault(metric, {})[step] = _number(value)
            else:
                losses[_number(plain["step"])] = _number(plain["loss"])
                last = plain
    return Course(
        steps,
        _by_step(losses),
        {metric: _by_step(values) for metric, values in scores.items() if values},
        _rate(last.get("tokens_per_second")),
        _rate(last.get("seconds_left")),
    )


def _finite(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if isinstance(value, (int, float)) and abs(value) < math.inf}


def _by_step(values: Mapping[float, float]) -> Points:
    return tuple(sorted(values.items()))


def _number(value: Any) -> float:
    # Neither NaN nor an integer beyond all floats is small enough.
    if type(value) not in (int, float) or not abs(value) <= _LARGEST:
        raise ValueError("no number that can be drawn")
    return float(value)


def _rate(value: Any) -> float:
    with suppress(ValueError):
        return _number(value)
    return 0.0


_LARGEST = 1e15
