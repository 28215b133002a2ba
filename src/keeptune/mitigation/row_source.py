"""Sources of the rows of each step: fixed rows, several sources together, or rows that depend on the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from keeptune.config.schema import TrainingConfig
from keeptune.data.batching import plan_epoch
from keeptune.errors import TrainingError
from keeptune.models.load import LoadedModel
from keeptune.records import EncodedRow


@dataclass(frozen=True, slots=True)
class Epoch:
    """Size of a source's epoch; an estimate if its rows are not known yet."""

    steps: int
    rows: int
    """Without text of the base."""
    tokens: int


def steps_of(epoch_steps: int, training: TrainingConfig) -> int:
    """Steps of a whole training; of one epoch where their number is still open."""
    return max(1, round(epoch_steps * (training.epochs or 1.0)))


class RowSource(Protocol):
    """The rows of each step of a training.

    A resumed training restores the source's state, and asks for the next step with the weights of the last: the rows
    must be those of a training that never stopped. So they depend on the seed, the step, the model and the state alone.
    """

    @property
    def epoch(self) -> Epoch:
        """The unit of `TrainingConfig.epochs` and of validations."""
        ...

    def sample(self) -> Sequence[Sequence[EncodedRow]]:
        """Batches like those of an epoch, known before the first step, for trials of memory and compiler."""
        ...

    def next(self, step: int, loaded: LoadedModel) -> Sequence[EncodedRow]:
        """The rows of a step, counted from 0.

        Args:
            loaded: the model as the steps before have left it, for a source that asks it. The source switches to
                evaluation itself; the step switches back to training.
        """
        ...

    def state(self) -> Mapping[str, Any]:
        """JSON state of the source for a checkpoint; empty if seed, step and model are enough."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a value of `state`."""
        ...


class FixedRows:
    """Fixed rows, each once per epoch, planned by `plan_epoch`. A mix is one list of rows with their roles: the task's
    own, replayed ones, text of the base."""

    def __init__(self, rows: Sequence[EncodedRow], batch_size: int, seed: int) -> None:
        if not rows:
            raise TrainingError("there is no row to train on", "see `keeptune check`")
        self._rows, self._batch_size, self._seed = rows, batch_size, seed
        self._lengths = [row.length for row in rows]
        own = sum(row.role != "base" for row in rows)
        self._epoch = Epoch(-(-len(rows) // batch_size), own, sum(self._lengths))
        self._plan: tuple[int, list[list[int]]] = (-1, [])

    @property
    def epoch(self) -> Epoch:
        return self._epoch

    def sample(self) -> list[list[EncodedRow]]:
        return [[self._rows[row] for row in batch] for batch in self._planned(0)]

    def next(self, step: int, loaded: LoadedModel) -> list[EncodedRow]:  # noqa: ARG002
        epoch, within = divmod(step, self._epoch.steps)
        return [self._rows[row] for row in self._planned(epoch)[within]]

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        pass

    def _planned(self, epoch: int) -> list[list[int]]:
        if self._plan[0] != epoch:
            self._plan = (epoch, plan_epoch(self._lengths, self._batch_size, self._seed, epoch))
        return self._plan[1]


@dataclass(frozen=True, slots=True)
class RowsInOrder:
    """Rows in their order, spread evenly over `steps`. Some steps have none where the rows are few."""

    rows: Sequence[EncodedRow]
    steps: int

    @property
    def epoch(self) -> Epoch:
        own = sum(row.role != "base" for row in self.rows)
        return Epoch(self.steps, own, sum(row.length for row in self.rows))

    def sample(self) -> list[list[EncodedRow]]:
        return [self._of(step) for step in range(self.steps)]

    def next(self, step: int, loaded: LoadedModel) -> list[EncodedRow]:  # noqa: ARG002
        return self._of(step)

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        pass

    def _of(self, step: int) -> list[EncodedRow]:
        within = step % self.steps
        first, end = (-(-at * len(self.rows) // self.steps) for at in (within, within + 1))
        return list(self.rows[first:end])


@dataclass(frozen=True, slots=True)
class JoinedRows:
    """Each step has the rows of several sources. The first one decides the number of steps per epoch."""

    sources: Sequence[RowSource]

    @property
    def epoch(self) -> Epoch:
        steps = self.sources[0].epoch.steps
        parts = [source.epoch for source in self.sources]
        rows = sum(round(part.rows * steps / part.steps) for part in parts)
        tokens = sum(round(part.tokens * steps / part.steps) for part in parts)
        return Epoch(steps, rows, tokens)

    def sample(self) -> list[list[EncodedRow]]:
        samples = [source.sample() for source in self.sources]
        return [[row for batches in samples for row in batches[step % len(batches)]] for step in range(len(samples[0]))]

    def next(self, step: int, loaded: LoadedModel) -> list[EncodedRow]:
        return [row for source in self.sources for row in source.next(step, loaded)]

    def state(self) -> dict[str, Any]:
        states = {str(number): source.state() for number, source in enumerate(self.sources)}
        return states if any(states.values()) else {}

    def restore(self, state: Mapping[str, Any]) -> None:
        for number, source in enumerate(self.sources):
            source.restore(state[str(number)])
