"""The thread that owns the models: it alone computes, and makes all answers that are asked for side by side."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Mapping
from queue import SimpleQueue

import torch

from keeptune.errors import KeeptuneError
from keeptune.models.memory import out_of_memory
from keeptune.serving.answering import Answering, Piece
from keeptune.serving.decoder import Decoder
from keeptune.serving.refused import Refused, failed
from keeptune.serving.settings import MOST_WAITING
from keeptune.serving.sides import Side

IN_A_TURN = 4
"""Tokens of each answer of one side before those of the other: an adapter is put on or off in between."""
NO_MEMORY = "not enough memory for this answer beside the others: ask again"
LOG = logging.getLogger(__name__)


class Worker:
    """Takes requests from any thread."""

    def __init__(self, sides: Mapping[str, Side]) -> None:
        self._sides = sides
        self._asked: SimpleQueue[tuple[str, Answering] | None] = SimpleQueue()
        self._decoders = {route: _decoder(side) for route, side in sides.items()}
        self._thread = threading.Thread(target=self._work, name="keeptune-worker", daemon=True)
        self._why: Callable[[], Refused] | None = None
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether it answers."""
        return self._thread.is_alive() and self._why is None

    @property
    def ended(self) -> Refused:
        """What those are told that it answers no more."""
        return (self._why or stopping)()

    def ask(self, route: str, answering: Answering) -> None:
        """Have it answered.

        Raises:
            Refused: it is stopping, or too many wait.
        """
        if not self.is_alive:
            raise self.ended
        waiting = self._asked.qsize() + sum(len(decoder.waiting) for decoder in self._decoders.values())
        if waiting >= MOST_WAITING:
            raise Refused(503, f"{waiting} requests wait already: ask again later", code="too_many_requests")
        self._asked.put((route, answering))

    def close(self, why: Callable[[], Refused] | None = None) -> None:
        """End after the step that is being made; what is not answered is told why."""
        self._why = why or stopping
        self._asked.put(None)
        self._thread.join()
        # What was asked while it ended.
        self._tell_waiting()

    @torch.inference_mode()
    def _work(self) -> None:
        with contextlib.ExitStack() as weights:
            now: str | None = None
            while self._why is None:
                self._take(wait=not any(decoder.is_busy for decoder in self._decoders.values()))
                for route in [route for route, decoder in self._decoders.items() if decoder.is_busy]:
                    if route != now:
                        weights.close()
                        weights.enter_context(self._sides[route].as_asked())
                        now = route
                    self._steps(self._decoders[route])
        for decoder in self._decoders.values():
            decoder.fail(self.ended)
        self._tell_waiting()

    def _tell_waiting(self) -> None:
        self._take(wait=False)
        for decoder in self._decoders.values():
            for answering in decoder.waiting:
                answering.tell(Piece(error=self.ended))
            decoder.waiting.clear()

    def _take(self, *, wait: bool) -> None:
        """What was asked since then; where nothing else is to be done, wait for it."""
        while wait or not self._asked.empty():
            asked = self._asked.get()
            wait = False
            if asked is not None:
                route, answering = asked
                self._decoders[route].waiting.append(answering)

    def _steps(self, decoder: Decoder) -> None:
        try:
            for _ in range(IN_A_TURN):
                if decoder.is_busy and self._why is None:
                    decoder.step()
        except KeeptuneError as error:
            LOG.error("%s", error)
            decoder.fail(failed("answer"))
        except Exception as error:  # whatever it is, it ends these answers and not the server
            if not out_of_memory(error):
                LOG.exception("an answer failed")
                decoder.fail(failed("answer"))
                return
            LOG.error("not enough memory: fewer answers are made at a time from here on")
            decoder.hold_less()
            decoder.fail(Refused(503, NO_MEMORY, code="out_of_memory"))


def stopping() -> Refused:
    """What is told of a server that ends."""
    return Refused(503, "the server is stopping", code="stopping")


@torch.inference_mode()
def _decoder(side: Side) -> Decoder:
    with side.as_asked():
        return Decoder(side)
