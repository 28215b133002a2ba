"""Events in words, one line each."""

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
    TrainingStarted,
    ValidationDone,
)
from keeptune.report.phrases import candidate_line


def duration(seconds: float) -> str:
    """``1:05``, or ``2:01:05`` from an hour on."""
    minutes, rest = divmod(max(round(seconds), 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def told(event: Event) -> str:
    """The line of an event; "" where it is drawn in another way, or not at all."""
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
