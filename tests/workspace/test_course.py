"""The course of a training is written as it goes, read at any time, and needed by nobody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from keeptune.events import Event, StepDone, TrainingStarted, ValidationDone, silent
from keeptune.workspace.course import Course, CourseLog, read_course


def step(number: int, loss: float) -> StepDone:
    return StepDone(number, 10, number / 10, loss, 1e-4, 1.0, 500.0, 10.0 - number)


def test_what_was_told_is_read_and_passed_on(tmp_path: Path) -> None:
    file, told = tmp_path / "course.jsonl", list[Event]()
    events = [
        TrainingStarted(10, 0, 1.0, 80, 900),
        ValidationDone(0, 2.5, {"loss": 2.5, "rouge1": 9.0, "bleu": float("nan")}, False),
    ]
    events += [step(1, 2.0), step(2, 1.5), step(3, float("nan"))]
    with CourseLog(told.append, file) as log:
        for event in events:
            log(event)
            assert read_course(file).steps == 10
    assert told == events
    validated = {"loss": ((0.0, 2.5),), "rouge1": ((0.0, 9.0),)}
    assert read_course(file) == Course(10, ((1.0, 2.0), (2.0, 1.5)), validated, 500.0, 8.0)


def test_steps_that_are_trained_again_replace_those_before(tmp_path: Path) -> None:
    file = tmp_path / "course.jsonl"
    with CourseLog(silent, file) as log:
        for event in (TrainingStarted(10, 0, 1.0, 80, 900), step(1, 2.0), step(2, 1.5), step(3, 1.0)):
            log(event)
    # Killed while it wrote.
    file.write_bytes(file.read_bytes() + b'\n{"step": 4, "lo')
    with CourseLog(silent, file) as log:
        for event in (TrainingStarted(10, 1, 1.0, 80, 900), step(2, 1.4)):
            log(event)
    assert read_course(file).trained == ((1.0, 2.0), (2.0, 1.4))


def test_a_training_goes_on_where_it_cannot_be_written(tmp_path: Path) -> None:
    told = list[Event]()
    (tmp_path / "course.jsonl").mkdir()
    with CourseLog(told.append, tmp_path / "course.jsonl") as log:
        log(step(1, 2.0))
    assert told == [step(1, 2.0)]
    odd: Any = object()
    with CourseLog(told.append, tmp_path / "odd.jsonl") as log:
        log(step(1, odd))
        log(step(2, 1.0))
    assert read_course(tmp_path / "odd.jsonl").trained == ((2.0, 1.0),)
    assert read_course(tmp_path / "none") == Course()


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe",
        b'[]\n3\n"first_step"\n',
        b'{"step": true, "loss": null}\n',
        b'{"step": 1, "loss": 1%s}' % (b"0" * 400),
    ],
)
def test_a_damaged_file_is_an_empty_course(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "course.jsonl").write_bytes(content)
    assert read_course(tmp_path / "course.jsonl") == Course()


def test_a_file_is_read_again_only_when_it_has_changed(tmp_path: Path) -> None:
    file = tmp_path / "course.jsonl"
    file.write_bytes(b'{"step": 1, "loss": 2.0}\n')
    first = read_course(file)
    assert read_course(file) is first
    file.write_bytes(file.read_bytes() + b'{"step": 2, "loss": 1.0}\n')
    assert read_course(file).trained == ((1.0, 2.0), (2.0, 1.0))
    with file.open("wb") as handle:
        handle.truncate((1 << 26) + 1)
    with pytest.raises(ValueError, match="more than the 67,108,864 that are read"):
        read_course(file)
