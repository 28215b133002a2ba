"""`plain`: transformers' own `generate`, and each completion in a row of its own. The reference for faster engines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import torch

from keeptune.events import Observer
from keeptune.inference.decoding import decode_in_batches
from keeptune.inference.engine import ENGINES, Progress, Request
from keeptune.inference.forward_greedy import forward_greedy
from keeptune.inference.loglikelihood import loglikelihoods
from keeptune.inference.transformers_decoding import transformers_decode
from keeptune.models.architecture import Kind
from keeptune.models.load import LoadedModel
from keeptune.records import EncodedRow


class PlainEngine:
    """Nothing is shared or cached between rows."""

    in_process = True

    def refuse(self, kind: Kind, name: str, *, mergeable: bool) -> None:
        pass

    @torch.inference_mode()
    def generate(
        self, loaded: LoadedModel, request: Request, progress: Progress, observer: Observer
    ) -> Iterator[tuple[int, list[int]]]:
        decode = partial(forward_greedy if loaded.soft_prompt else transformers_decode, loaded)
        for done, found in enumerate(decode_in_batches(loaded, decode, request, observer), start=1):
            yield found
            progress(done)

    def loglikelihoods(
        self, loaded: LoadedModel, rows: Sequence[EncodedRow], token_budget: int, progress: Progress, observer: Observer
    ) -> list[float]:
        return loglikelihoods(loaded, rows, token_budget, progress, observer)

    def close(self) -> None:
        pass


ENGINES.add("plain", PlainEngine())
