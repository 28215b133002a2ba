"""What the pages show of one run, read from its folder; what cannot be read is said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from keeptune.errors import StoreError
from keeptune.records import MitigationSearchReport
from keeptune.report.html.run_facts import Curve, curve_of
from keeptune.report.html.search_picture import search_picture
from keeptune.report.phrases import unit
from keeptune.workspace.course import Course, Points, read_course
from keeptune.workspace.json_file import MOST_BYTES
from keeptune.workspace.run_entry import RunEntry
from keeptune.workspace.search_run import SearchRun
from keeptune.workspace.study import Study

_NOT_DRAWN = (ArithmeticError, ValueError)
"""What numbers cause that no run has written, such as a margin of 0."""
MOST_POINTS = 600
"""Of a curve that is drawn: of more steps, means over as many parts."""


@dataclass(frozen=True, slots=True)
class ShownRun:
    """A run and what its folder offers."""

    entry: RunEntry

    @property
    def page(self) -> Path | None:
        """File of its report; None where there is none yet."""
        study = Study(self._path)
        pages = (study.page, study.comparison_page, study.curve_page)
        return next((page for page in pages if page.is_file()), None)

    @property
    def is_finished(self) -> bool:
        """Whether its result is there, whoever works in its folder now."""
        return self.entry.state == "finished" or self._run.is_finished

    @property
    def may_change(self) -> bool:
        """Whether a process writes to it, as far as can be told."""
        return self.entry.state == "running" or (self.entry.state == "unfinished" and bool(self.entry.problem))

    @property
    def beyond_training(self) -> str:
        """What a running one does, in words, where it trains no more; "" where it may train."""
        if self.is_finished:
            return "finished; another command works in its folder"
        if self._run.is_trained:
            return "trained; being evaluated"
        return "it measures, which has no curve" if self.entry.kind in ("measure", "eval") else ""

    @property
    def unshowable(self) -> str:
        """Why its report cannot be shown here, in words; "" where it can."""
        size = self.page.stat().st_size if self.page else 0
        return f"{size:,} bytes are too many to be shown here" if size > MOST_BYTES else ""

    @property
    def can_chat(self) -> bool:
        """Whether its weights are here and finished."""
        return self.entry.state == "finished" and self._run.weights is not None

    def search(self) -> MitigationSearchReport | None:
        """The mitigation search; None where none has ended here, or tried anything.

        Raises:
            StoreError: it is damaged.
        """
        found = self._run.mitigation_search()
        if found is None or not found.candidates:
            return None
        try:
            search_picture(found)
        except _NOT_DRAWN as error:
            raise _undrawn("the mitigation search", error) from error
        return found

    def course(self) -> Course:
        """The training so far; that of a training which has ended from its summary.

        Raises:
            StoreError: it cannot be read.
        """
        file = self._run.course_file
        try:
            course = read_course(file)
        except (OSError, ValueError) as error:
            raise StoreError(f"{file} cannot be read: {error}", "the run goes on without it") from error
        if course.steps or not self._run.is_trained:
            return course
        summary = self._run.training()
        return Course(summary.steps, _pairs(summary.loss_curve), {"loss": _pairs(summary.validation_curve)})

    @property
    def weights(self) -> tuple[str, int, int]:
        """Tells its weights from those of another run that has, or had, its name.

        Raises:
            StoreError: they are gone.
        """
        try:
            found = (self._run.weights or self._run.adapter).stat()
        except OSError as error:
            raise StoreError(
                f"the tuned weights of {self.entry.name} are gone: {error}", "choose another run"
            ) from error
        return self.entry.name, found.st_ino, found.st_mtime_ns

    @property
    def _path(self) -> Path:
        return Path(self.entry.path)

    @property
    def _run(self) -> SearchRun:
        return SearchRun(self._path)


def drawings(course: Course) -> list[tuple[str, Curve]]:
    """(what is drawn, the drawing): the losses together, then each score of the validation slice.

    Raises:
        StoreError: it cannot be drawn.
    """
    try:
        return list(_drawings(course))
    except _NOT_DRAWN as error:
        raise _undrawn("the course", error) from error


def _drawings(course: Course) -> Iterator[tuple[str, Curve]]:
    if loss := curve_of(_fewer(course.trained), course.validated.get("loss", ())):
        yield "Loss, nats per completion token", loss
    for metric, values in course.validated.items():
        if metric != "loss" and (scores := curve_of((), values)):
            yield f"{metric} on the validation rows, {unit(metric)}", scores


def _fewer(points: Points) -> Points:
    part = -(-len(points) // MOST_POINTS)
    if part < 2:
        return points
    parts = [points[start : start + part] for start in range(0, len(points), part)]
    return tuple((each[-1][0], sum(value for _, value in each) / len(each)) for each in parts)


def _pairs(curve: Sequence[Sequence[float]]) -> Points:
    return tuple((each[0], each[1]) for each in curve if len(each) == 2)


def _undrawn(what: str, error: Exception) -> StoreError:
    return StoreError(f"{what} holds numbers that cannot be drawn: {error}", "the report has them, if there is one")
