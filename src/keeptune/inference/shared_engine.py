"""An engine whose prompts and rows are divided over the processes of a run."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch

from keeptune.events import Observer, silent
from keeptune.inference.engine import ENGINES, Engine, Progress, Request
from keeptune.models.architecture import Kind
from keeptune.models.load import LoadedModel
from keeptune.models.packed import packed, unpacked
from keeptune.models.processes import MARK, Processes, own_device, refuse_unshared
from keeptune.records import EncodedRow

HELD = "model"
ROUND = 64
"""Prompts or rows of each process at a time: after each round, the first has their answers."""


@dataclass(frozen=True, slots=True)
class SharedEngine:
    """`engine` in each of `processes`. The other processes keep the model until another is asked, or it has changed."""

    processes: Processes
    engine: Engine

    @property
    def in_process(self) -> bool:
        return self.engine.in_process

    def refuse(self, kind: Kind, name: str, *, mergeable: bool) -> None:
        self.engine.refuse(kind, name, mergeable=mergeable)

    def generate(
        self, loaded: LoadedModel, request: Request, progress: Progress, observer: Observer
    ) -> Iterator[tuple[int, list[int]]]:
        done = 0
        for shares in self._rounds([len(prompt) for prompt in request.prompts]):
            parts = [replace(request, prompts=[request.prompts[place] for place in share]) for share in shares]
            for share, answers in zip(shares, self._run(_generate, loaded, parts, observer), strict=True):
                yield from zip(share, answers, strict=True)
                done += len(share)
            progress(done)

    def loglikelihoods(
        self, loaded: LoadedModel, rows: Sequence[EncodedRow], token_budget: int, progress: Progress, observer: Observer
    ) -> list[float]:
        found: dict[int, float] = {}
        for shares in self._rounds([row.length for row in rows]):
            parts = [([rows[place] for place in share], token_budget) for share in shares]
            for share, values in zip(shares, self._run(_loglikelihoods, loaded, parts, observer), strict=True):
                found.update(zip(share, values, strict=True))
            progress(len(found))
        return [found[place] for place in range(len(rows))]

    def close(self) -> None:
        self.engine.close()

    def _rounds(self, lengths: Sequence[int]) -> Iterator[list[list[int]]]:
        """The places of each process, those of like length in one round."""
        size = self.processes.size
        order = sorted(range(len(lengths)), key=lambda place: lengths[place])
        for first in range(0, len(order), ROUND * size):
            part = order[first : first + ROUND * size]
            yield [part[rank::size] for rank in range(size)]

    def _run(self, job: Any, loaded: LoadedModel, parts: Sequence[Any], observer: Observer) -> list[Any]:
        self._give(loaded)
        within = torch.is_autocast_enabled(loaded.placement.device.type)
        others = [(None, part, silent, within) for part in parts[1:]]
        return self.processes.run(job, [(loaded, parts[0], observer, within), *others])

    def _give(self, loaded: LoadedModel) -> None:
        versions = [(weight.data_ptr(), weight._version) for weight in loaded.model.parameters()]
        model, known = self.processes.held.get(MARK, (None, []))
        if model and model() is loaded.model and known == versions:
            return
        device = loaded.placement.device
        refuse_unshared(device)
        self.processes.run(_hold, [(None, ""), *[(packed(loaded), device.type)] * (self.processes.size - 1)])
        self.processes.held[MARK] = (weakref.ref(loaded.model), versions)


def _hold(processes: Processes, content: bytes | None, kind: str) -> None:
    if content is None:
        return
    processes.held.pop(HELD, None)
    device = own_device(kind)
    loaded = unpacked(content, device)
    loaded.placement = replace(loaded.placement, device=device)
    processes.held[HELD] = loaded


@contextmanager
def _asked(processes: Processes, loaded: LoadedModel | None, within_autocast: bool) -> Iterator[LoadedModel]:
    held: LoadedModel = loaded or processes.held[HELD]
    held.model.eval()
    with held.placement.autocast() if within_autocast else nullcontext():
        yield held


def _generate(
    processes: Processes, loaded: LoadedModel | None, request: Request, observer: Observer, within_autocast: bool
) -> list[list[int]]:
    if not request.prompts:
        return []
    with _asked(processes, loaded, within_autocast) as held:
        answers = dict(ENGINES[held.engine].generate(held, request, lambda _: None, observer))
    return [answers[place] for place in range(len(request.prompts))]


def _loglikelihoods(
    processes: Processes,
    loaded: LoadedModel | None,
    part: tuple[Sequence[EncodedRow], int],
    observer: Observer,
    within_autocast: bool,
) -> list[float]:
    rows, token_budget = part
    if not rows:
        return []
    with _asked(processes, loaded, within_autocast) as held:
        return ENGINES[held.engine].loglikelihoods(held, rows, token_budget, lambda _: None, observer)
