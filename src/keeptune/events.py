"""What happens in a run, told as typed events. The core never prints: an Observer draws, logs or ignores them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from keeptune.records import Comparison, DevEvidence, Forecast


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events, for type annotations only."""


@dataclass(frozen=True, slots=True)
class Notice(Event):
    """A choice made for the user, or something they should know. `kind` is a stable short name."""

    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class RunStarted(Event):
    """The folder of a run, or of a study of many, is there and its own."""

    path: str


@dataclass(frozen=True, slots=True)
class ModelLoaded(Event):
    """A model is ready."""

    name: str
    parameters: int
    trainable: int
    device: str
    dtype: str
    reason: str
    """Why this device and dtype."""


@dataclass(frozen=True, slots=True)
class DataLoaded(Event):
    """Rows became Examples."""

    role: str
    """``train``, ``validation`` or ``test``."""
    path: str
    examples: int
    mapping: str
    """How the row's fields were read, e.g. ``prompt ← dialogue, completion ← summary``."""


@dataclass(frozen=True, slots=True)
class TrainingStarted(Event):
    """The loop begins, or goes on after a stop."""

    steps: int
    first_step: int
    epochs: float
    examples: int
    tokens_per_epoch: int


@dataclass(frozen=True, slots=True)
class ForecastMade(Event):
    """What the training will take, by its first steps."""

    forecast: Forecast


@dataclass(frozen=True, slots=True)
class StepDone(Event):
    """One optimizer step."""

    step: int
    steps: int
    epoch: float
    loss: float
    """Nats a completion token, over this step's rows."""
    lr: float
    grad_norm: float
    tokens_per_second: float
    """Tokens trained on, padding not counted, over the last steps."""
    seconds_left: float


@dataclass(frozen=True, slots=True)
class ValidationDone(Event):
    """The validation slice was scored."""

    step: int
    loss: float
    metrics: Mapping[str, float]
    best: bool


@dataclass(frozen=True, slots=True)
class CheckpointSaved(Event):
    """A checkpoint is safely on disk."""

    step: int
    path: str


@dataclass(frozen=True, slots=True)
class EvaluationStarted(Event):
    """A model begins to answer items."""

    name: str
    items: int


@dataclass(frozen=True, slots=True)
class EvaluationProgress(Event):
    """Some more items are answered."""

    name: str
    done: int
    items: int


@dataclass(frozen=True, slots=True)
class EvaluationDone(Event):
    """All items are answered and scored."""

    name: str
    items: int
    seconds: float
    metrics: Mapping[str, float]
    cached: bool


@dataclass(frozen=True, slots=True)
class CandidateDone(Event):
    """One mitigation was tried."""

    evidence: DevEvidence


@dataclass(frozen=True, slots=True)
class RunFinished(Event):
    """The result is on disk."""

    path: str
    comparisons: tuple[Comparison, ...]


class Observer(Protocol):
    """Anything that takes events."""

    def __call__(self, event: Event, /) -> None: ...


@dataclass(slots=True)
class NoticeLog:
    """An Observer that passes every event on and keeps the messages of notices, each once."""

    observer: Observer
    messages: list[str] = field(default_factory=list)
    _write: Callable[[Sequence[str]], bool] | None = field(default=None, init=False)
    _first: int = field(default=0, init=False)
    _written: bool = field(default=False, init=False)

    def keep(self, earlier: Sequence[str], write: Callable[[Sequence[str]], bool]) -> None:
        """Keep the messages from here on for a run that is resumed; those before it come again in each start.

        Args:
            earlier: what earlier starts have kept.
            write: writes them; False: the folder of the run has not begun yet.
        """
        self._write, self._first = write, len(self.messages)
        self.messages += [message for message in earlier if message not in self.messages]

    def __call__(self, event: Event, /) -> None:
        if isinstance(event, Notice) and event.message not in self.messages:
            self.messages.append(event.message)
            self._written = False
        if self._write and not self._written:
            self._written = self._write(self.messages[self._first :])
        self.observer(event)


def silent(event: Event, /) -> None:
    """The Observer that hears everything and says nothing."""


def shown(event: Event, /) -> None:
    """The default Observer: what it hears is drawn in a terminal or a notebook; elsewhere nothing is said."""
