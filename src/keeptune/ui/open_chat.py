"""The models that are asked in a browser: those of one run at a time."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from keeptune.config.schema import DataConfig, ModelConfig
from keeptune.errors import KeeptuneError
from keeptune.events import Observer
from keeptune.serving.refused import Refused, failed

if TYPE_CHECKING:
    from keeptune.serving.service import Service


@dataclass(slots=True)
class OpenChat:
    """Loads the models of a run when its chat is opened, and lets those of the run before go."""

    settings: ModelConfig
    """On which device, in which dtype; the name is the run's."""
    observer: Observer
    _name: str = field(default="", init=False)
    _service: Service | None = field(default=None, init=False)
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def open(self, name: str, run: Path) -> Service:
        """Base and tuned of the run; loaded unless they are there.

        Raises:
            Refused: they cannot be loaded.
        """
        async with self._opening:
            if self._service is None or self._name != name or not self._service.worker.is_alive:
                await asyncio.to_thread(self.close)
                self._service = await asyncio.to_thread(self._load, run)
                self._name = name
            return self._service

    def opened(self, name: str) -> Service:
        """Base and tuned of the run whose chat is open.

        Raises:
            Refused: it is another's, or none.
        """
        if self._service is None or self._name != name:
            raise Refused(409, "the chat of another run was opened meanwhile: load this page again", code="not_open")
        return self._service

    def close(self) -> None:
        """Let the models go."""
        service, self._service, self._name = self._service, None, ""
        if service is not None:
            from keeptune.models.memory import Meter

            service.close()
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
