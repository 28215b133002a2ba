"""Log-likelihood of given answers: references, and each of a closed set of choices."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from keeptune.events import Observer, silent
from keeptune.inference.in_batches import in_batches
from keeptune.models.batch import make_batch
from keeptune.models.completion_logits import completion_logits
from keeptune.models.finite import naming
from keeptune.models.load import LoadedModel
from keeptune.records import EncodedRow
from keeptune.statistics.losses import token_loglikelihoods

LOGIT_TOKENS = 4096
"""Completion tokens a batch at most: their logits span the vocabulary, in float32."""


def loglikelihoods(
    loaded: LoadedModel,
    rows: Sequence[EncodedRow],
    token_budget: int,
    progress: Callable[[int], None] = lambda _: None,
    observer: Observer = silent,
) -> list[float]:
    """Σ ln p of each row's learned tokens given all before them, in nats, in the order given."""
    return [
        float(row.double().sum()) for row in loglikelihoods_by_token(loaded, rows, token_budget, progress, observer)
    ]


@torch.inference_mode()
def loglikelihoods_by_token(
    loaded: LoadedModel,
    rows: Sequence[EncodedRow],
    token_budget: int,
    progress: Callable[[int], None] = lambda _: None,
    observer: Observer = silent,
) -> list[torch.Tensor]:
    """ln p of every learned token of each row given all before it: [learned], float32 nats, on the CPU."""
    lengths = [row.length for row in rows]
    found = [torch.zeros(0)] * len(rows)
    done = 0
    together = loaded.placement.pass_tokens(token_budget)
    for part, answered in in_batches(lambda part: _batch(loaded, rows, part), lengths, together, observer):
        for index, values in answered:
            found[index] = values
        done += len(part)
        progress(done)
    return found


def _batch(loaded: LoadedModel, rows: Sequence[EncodedRow], part: Sequence[int]) -> list[tuple[int, torch.Tensor]]:
    if len(part) > 1 and sum(rows[index].learned for index in part) > LOGIT_TOKENS:
        half = len(part) // 2
        return _batch(loaded, rows, part[:half]) + _batch(loaded, rows, part[half:])
    pad = loaded.tokenizer.pad_token_id
    batch = make_batch([rows[index] for index in part], loaded.kind, pad, loaded.placement.device)
    with naming(lambda: [rows[index].item_id for index in part]):
        logits = completion_logits(loaded.model, batch)
    values = token_loglikelihoods(logits, batch.targets).cpu()
    return list(zip(part, torch.split(values, [rows[index].learned for index in part]), strict=True))


def mean_loss(loaded: LoadedModel, rows: Sequence[EncodedRow], token_budget: int, observer: Observer = silent) -> float:
    """Nats a learned token over all rows together."""
    learned = sum(row.learned for row in rows)
    return -sum(loglikelihoods(loaded, rows, token_budget, observer=observer)) / max(learned, 1)
