"""Log-likelihood of given answers: references, and each of a closed set of choices."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from keeptune.models.batch import make_batch
from keeptune.models.completion_logits import completion_logits
from keeptune.models.load import LoadedModel
from keeptune.numerics.batching import split_by_budget
from keeptune.numerics.losses import token_loglikelihoods
from keeptune.records import EncodedRow

LOGIT_TOKENS = 4096
"""Completion tokens a batch at most: their logits span the vocabulary, in float32."""


@torch.inference_mode()
def loglikelihoods(
    loaded: LoadedModel,
    rows: Sequence[EncodedRow],
    token_budget: int,
    progress: Callable[[int], None] = lambda _: None,
) -> list[float]:
    """Σ ln p of each row's learned tokens given all before them, in nats, in the order given."""
    lengths = [row.length for row in rows]
    sums = [0.0] * len(rows)
    done = 0
    for part in split_by_budget(range(len(rows)), lengths, token_budget):
        for index, value in _batch(loaded, rows, part):
            sums[index] = value
        done += len(part)
        progress(done)
    return sums


def _batch(loaded: LoadedModel, rows: Sequence[EncodedRow], part: Sequence[int]) -> list[tuple[int, float]]:
    if len(part) > 1 and sum(rows[index].learned for index in part) > LOGIT_TOKENS:
        half = len(part) // 2
        return _batch(loaded, rows, part[:half]) + _batch(loaded, rows, part[half:])
    pad = loaded.tokenizer.pad_token_id
    batch = make_batch([rows[index] for index in part], loaded.kind, pad, loaded.placement.device)
    logits = completion_logits(loaded.model, batch)
    by_row = torch.zeros(len(part), dtype=torch.float64)
    by_row.index_add_(0, batch.rows.cpu(), token_loglikelihoods(logits, batch.targets).double().cpu())
    return list(zip(part, by_row.tolist(), strict=True))


def mean_loss(loaded: LoadedModel, rows: Sequence[EncodedRow], token_budget: int) -> float:
    """Nats a learned token over all rows together."""
    learned = sum(row.learned for row in rows)
    return -sum(loglikelihoods(loaded, rows, token_budget)) / max(learned, 1)
