"""`torch`: the loaded model itself, which reads once what prompts share, and refills the places of finished rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from keeptune.events import Observer
from keeptune.inference.decoding import decode_each
from keeptune.inference.engine import ENGINES, Progress, Request
from keeptune.inference.shared_prefix import shared_loglikelihoods
from keeptune.models.architecture import Kind
from keeptune.models.load import LoadedModel
from keeptune.records import EncodedRow


class TorchEngine:
    """The default. It falls back to the way of `plain` where a model allows no other."""

    in_process = True

    def refuse(self, kind: Kind, name: str, *, mergeable: bool) -> None:
        pass

    @torch.inference_mode()
    def generate(
        self, loaded: LoadedModel, request: Request, progress: Progress, observer: Observer
    ) -> Iterator[tuple[int, list[int]]]:
        for done, found in enumerate(decode_each(loaded, request, observer), start=1):
            yield found
            progress(done)

    def loglikelihoods(
        self, loaded: LoadedModel, rows: Sequence[EncodedRow], token_budget: int, progress: Progress, observer: Observer
    ) -> list[float]:
        return shared_loglikelihoods(loaded, rows, token_budget, observer, progress)

    def close(self) -> None:
        pass


ENGINES.add("torch", TorchEngine())
