"""The models that are asked in a browser: those of one run at a time."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from keeptune.config.schema import DataConfig, ModelConfig
from keeptune.errors import KeeptuneError
from keeptune.events import Observer
from keeptune.serving.refused import Refused, failed

if TYPE_CHECKING:
    from keeptune.serving.service import Service

T = TypeVar("T")
Weights = tuple[str, int, int]
"""`ShownRun.weights`: another run of the same name has others."""


@dataclass(slots=True)
class OpenChat:
    """Loads the models of a run when its chat is opened, and lets those of the run before go."""

    settings: ModelConfig
    """On which device, in which dtype; the name is the run's."""
    observer: Observer
    _weights: Weights | None = field(default=None, init=False)
    _service: Service | None = field(default=None, init=False)
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def open(self, weights: Weights, run: Path) -> Service:
        """Base and tuned of the run; loaded unless they are there.

        Raises:
            Refused: they cannot be loaded, or the server is stopping.
        """
        try:
            async with self._opening:
                if self._service is None or self._weights != weights or not self._service.worker.is_alive:
                    await asyncio.to_thread(self.close, _other)
                    self._service = await _result(_begun(lambda: self._load(run)))
                    self._weights = weights
                return self._service
        except asyncio.CancelledError:
            raise Refused(503, "the server is stopping", code="stopping") from None

    def opened(self, weights: Weights) -> Service:
        """Base and tuned of the run whose chat is open.

        Raises:
            Refused: it is another's, or none.
        """
        if self._service is None or self._weights != weights:
            raise _other()
        return self._service

    def close(self, why: Callable[[], Refused] | None = None) -> None:
        """Let the models go; `why` is what those are told that wait for an answer."""
        service, self._service, self._weights = self._service, None, None
        if service is not None:
            from keeptune.models.memory import Meter

            service.close(why)
            meter = Meter(service.sides["tuned"].loaded.placement.device)
            del service
            gc.collect()
            meter.release()

    def _load(self, run: Path) -> Service:
        # Only now, as torch takes seconds to load.
        from keeptune.models.memory import not_enough, out_of_memory
        from keeptune.serving.rule import Rule
        from keeptune.serving.service import Service
        from keeptune.serving.sides import load_sides
        from keeptune.serving.worker import Worker

        model = replace(self.settings, name=str(run))
        try:
            sides = load_sides(model, None, DataConfig(), self.observer, folded=False)
            return Service(sides, Rule(sides["tuned"].format), Worker(sides))
        except KeeptuneError as error:
            raise Refused(409, str(error), code="not_loaded") from error
        except Exception as error:
            if not out_of_memory(error):
                raise failed("loading of the models") from error
            raise Refused(503, str(not_enough(error)), code="out_of_memory") from None


def _other() -> Refused:
    return Refused(409, "the chat of another run was opened meanwhile: load this page again", code="not_open")


def _begun(work: Callable[[], T]) -> Future[T]:
    """What comes of `work` in a thread of its own, for which the end of the process does not wait."""
    found: Future[T] = Future()
    found.set_running_or_notify_cancel()

    def run() -> None:
        try:
            found.set_result(work())
        except BaseException as error:  # noqa: BLE001 - whoever waits raises it
            found.set_exception(error)

    threading.Thread(target=run, name="keeptune-loader", daemon=True).start()
    return found


async def _result(loading: Future[Service]) -> Service:
    try:
        return await asyncio.wrap_future(loading)
    except asyncio.CancelledError:
        loading.add_done_callback(_let_go)
        raise


def _let_go(loaded: Future[Service]) -> None:
    """Nobody waits for these models any more."""
    if loaded.exception() is None:
        loaded.result().close()
