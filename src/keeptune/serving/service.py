"""What stands between requests and models: the names that can be asked, and the answers as they are made."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from keeptune.errors import KeeptuneError
from keeptune.inference.router import Route
from keeptune.serving.answering import Answering, Piece
from keeptune.serving.asked import Asked
from keeptune.serving.refused import Refused
from keeptune.serving.rule import Rule
from keeptune.serving.sides import Side
from keeptune.serving.worker import Worker
from keeptune.serving.written import Written

ROUTED = "route"
Tell = Callable[[Piece], None]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that has begun."""

    model: str
    """Who answers: ``base``, ``tuned``, ``route:base``, ``route:tuned``."""
    route: Route
    fingerprint: str
    prompt_tokens: int
    answering: Answering
    queue: asyncio.Queue[Piece]

    async def pieces(self) -> AsyncIterator[Piece]:
        """Its text as it is made; one that is not read to its end is made no further.

        Raises:
            Refused: it could not be made.
        """
        try:
            while True:
                piece = await self.queue.get()
                if piece.error is not None:
                    raise piece.error
                yield piece
                if piece.is_last:
                    return
        finally:
            self.answering.gone = True


@dataclass(slots=True)
class Service:
    """Base and tuned by name, and the rule that chooses between them."""

    sides: Mapping[str, Side]
    rule: Rule
    worker: Worker
    started: int = field(default_factory=lambda: int(time.time()))
    _encoding: ThreadPoolExecutor = field(init=False, default_factory=lambda: ThreadPoolExecutor(1, "keeptune-encoder"))
    """One thread, as a tokenizer serves no two at once."""

    @property
    def names(self) -> tuple[str, ...]:
        """What a request may name as its model."""
        return (*self.sides, *([ROUTED] if self.rule.tells else []))

    def known(self, name: str) -> str:
        """`name`.

        Raises:
            Refused: there is no model of that name.
        """
        if name in self.names:
            return name
        told = f"there is no model {name[:80]!r}; there are {', '.join(self.names)}"
        raise Refused(404, told, param="model", code="model_not_found")

    async def ask(self, asked: Asked) -> Reply:
        """Have a request answered.

        Raises:
            Refused: it cannot be.
        """
        name, loop = self.known(asked.model), asyncio.get_running_loop()
        queue: asyncio.Queue[Piece] = asyncio.Queue()

        def tell(piece: Piece) -> None:
            # The loop is closed where the server has stopped.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(queue.put_nowait, piece)

        try:
            side, answering = await loop.run_in_executor(self._encoding, self._prepared, asked, name, tell)
        except (asyncio.CancelledError, RuntimeError):
            if self.worker.is_alive:
                raise
            raise self.worker.ended from None
        self.worker.ask(side.name, answering)
        model = f"{ROUTED}:{side.name}" if name == ROUTED else name
        return Reply(model, side.name, side.fingerprint, len(answering.ids), answering, queue)

    def close(self, why: Callable[[], Refused] | None = None) -> None:
        """End the threads; `why` is what those are told that wait."""
        self.worker.close(why)
        self._encoding.shutdown(cancel_futures=True)

    def _prepared(self, asked: Asked, name: str, tell: Tell) -> tuple[Side, Answering]:
        side = self.sides[self.rule.route(asked) if name == ROUTED else name]
        try:
            ids, room = side.prompt(asked)
        except KeeptuneError as error:
            raise Refused(400, error.message, param="messages") from None
        is_text = isinstance(asked.prompt, str)
        before = ids if is_text and side.loaded.kind == "causal" else ()
        written = Written(side.loaded.tokenizer, asked.stop, before, streams=asked.stream, trims=not is_text)
        return side, Answering(ids, room, asked.sampling, written, tell)
