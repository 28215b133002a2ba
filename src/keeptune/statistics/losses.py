"""Cross-entropy and log-likelihood of target tokens."""

from __future__ import annotations

import torch
from torch.nn import functional


def cross_entropy_sum(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Σ −ln softmax(logits)[target], in float32.

    Args:
        logits: [tokens, vocabulary], any float dtype.
        targets: [tokens], int64.

    Returns:
        A scalar in nats, summed, not averaged: the caller knows over how many tokens of which batches.
    """
    return functional.cross_entropy(logits.float(), targets, reduction="sum")


def token_loglikelihoods(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """ln softmax(logits)[target] of each token, [tokens], in float32 nats."""
    return -functional.cross_entropy(logits.float(), targets, reduction="none")
