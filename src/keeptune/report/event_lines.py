"""Events as lines of text."""

from __future__ import annotations

from collections.abc import Mapping

from keeptune.events import (
    CandidateDone,
    CheckpointSaved,
    DataLoaded,
    EvaluationDone,
    Event,
    ForecastMade,
    ModelLoaded,
    Notice,
    RunFinished,
    TrainingStarted,
    ValidationDone,
)
from keeptune.report.phrases import candidate_line

CACHED_NAMED = 3
"""Maximum number of cached evaluations that one line names."""


def duration(seconds: float) -> str:
    """``1:05``; ``2:01:05`` for an hour or more."""
    minutes, rest = divmod(max(round(seconds), 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class EventLines:
    """The lines of one run. Evaluations whose answers are in the cache share a line before the next model loads."""

    def __init__(self) -> None:
        self._cached: list[EvaluationDone] = []

    def of(self, event: Event) -> list[str]:
        """The lines to write now."""
        if isinstance(event, EvaluationDone) and event.cached:
            self._cached.append(event)
            return []
        before = self.rest() if isinstance(event, ModelLoaded | TrainingStarted | CandidateDone | RunFinished) else []
        line = line_of(event)
        return [*before, line] if line else before

    def rest(self) -> list[str]:
        """The line of the cached evaluations that no line shows yet."""
        cached, self._cached = self._cached, []
        if len(cached) < 2:
            return [line_of(event) for event in cached]
        names = ", ".join(event.name for event in cached[:CACHED_NAMED])
        more = f" and {len(cached) - CACHED_NAMED} more" if len(cached) > CACHED_NAMED else ""
        return [f"{sum(event.items for event in cached):,} items from the cache: {names}{more}"]


def line_of(event: Event) -> str:
    """The line of one event; empty if it has none, or is drawn otherwise."""
    match event:
        case Notice(message=message):
            return f"note: {message}"
        case ModelLoaded():
            trainable = f", {event.trainable:,} of them trained" if 0 < event.trainable < event.parameters else ""
            return (
                f"model: {event.name}, {event.parameters:,} weights{trainable}, "
                f"on {event.device} in {event.dtype} ({event.reason})"
            )
        case DataLoaded():
            mapping = f" ({event.mapping})" if event.mapping else ""
            return f"{event.role}: {event.examples:,} rows from {event.path}{mapping}"
        case TrainingStarted():
            again = f", resumed at step {event.first_step}" if event.first_step else ""
            return (
                f"training: {event.steps} steps, {event.epochs:g} epochs of {event.examples:,} rows "
                f"and {event.tokens_per_epoch:,} tokens{again}"
            )
        case ForecastMade():
            memory = event.forecast.peak_bytes
            most = f" and {memory / 2**30:.1f} GiB of memory" if memory else ""
            return f"estimate: the training takes about {duration(event.forecast.seconds)}{most}"
        case ValidationDone():
            best = ", the best so far" if event.best else ""
            others = {name: value for name, value in event.metrics.items() if name != "loss"}
            more = f", {_scores(others)}" if others else ""
            return f"validation after step {event.step}: loss {event.loss:.3f}{more}{best}"
        case CheckpointSaved():
            return ""
        case EvaluationDone():
            cached = "from the cache" if event.cached else f"in {duration(event.seconds)}"
            return f"{event.name}: {event.items} items {cached}: {_scores(event.metrics)}"
        case CandidateDone(evidence=candidate):
            return f"candidate {candidate.candidate}: {candidate_line(candidate)}"
        case _:
            return ""


def _scores(scores: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.2f}" for name, value in scores.items())
