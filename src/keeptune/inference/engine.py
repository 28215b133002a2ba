"""Engines: what computes the answers and the likelihoods when a model is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from keeptune.events import Observer
from keeptune.models.architecture import Kind
from keeptune.models.load import LoadedModel
from keeptune.models.processes import processes
from keeptune.records import EncodedRow
from keeptune.registry import Registry

Progress = Callable[[int], None]
"""Called with the number of prompts or rows that are done."""


@dataclass(frozen=True, slots=True)
class Request:
    """Prompts to answer, each by its likeliest tokens."""

    prompts: Sequence[Sequence[int]]
    """Token ids, ready for an answer to follow."""
    max_new_tokens: int
    token_budget: int
    """Tokens a batch at most, padding and the answers' room counted."""


class Engine(Protocol):
    """Answers and scores with the weights of a loaded model.

    Drawn text, logits and all that other packages compute come from `LoadedModel.model` itself, whatever the engine.
    """

    @property
    def in_process(self) -> bool:
        """Whether `LoadedModel.model` computes the answers."""
        ...

    def refuse(self, kind: Kind, name: str, *, mergeable: bool) -> None:
        """Raise for a model that this engine cannot ask, before its weights load.

        Args:
            mergeable: whether the model has no adapter, or one that can be folded into the weights.

        Raises:
            ConfigError: such a model. MissingDependency: the engine's package is not installed.
        """
        ...

    def generate(
        self, loaded: LoadedModel, request: Request, progress: Progress, observer: Observer
    ) -> Iterator[tuple[int, list[int]]]:
        """Each prompt's index and its new tokens, up to and with the end token, as they are made."""
        ...

    def loglikelihoods(
        self, loaded: LoadedModel, rows: Sequence[EncodedRow], token_budget: int, progress: Progress, observer: Observer
    ) -> list[float]:
        """Σ ln p of each row's learned tokens given all before them, in nats, in the order given."""
        ...

    def close(self) -> None:
        """Give back what the engine holds between calls. The next call takes it again."""
        ...


ENGINES: Registry[Engine] = Registry("engine", "keeptune.engines", built_in="keeptune.inference.engines")


def engine_of(loaded: LoadedModel) -> Engine:
    """The engine that `loaded` is asked by, shared by the processes of the run if there are several.

    Raises:
        ConfigError: there is none of that name.
    """
    engine, several = ENGINES[loaded.engine], processes()
    if several is None or not engine.in_process:
        return engine
    from keeptune.inference.shared_engine import SharedEngine

    return SharedEngine(several, engine)


def close_engines() -> None:
    """Give back what engines hold: what comes next needs the memory."""
    for engine in ENGINES.loaded():
        engine.close()
