"""Kullback–Leibler divergence between next-token distributions."""

from __future__ import annotations

import torch

CHUNK_ELEMENTS = 1 << 23
"""Logits taken to float32 at a time: 32 MiB a tensor."""


def kl(p_logits: torch.Tensor, q_logits: torch.Tensor) -> torch.Tensor:
    """KL(p ‖ q) = Σ p·(ln p − ln q) over the whole vocabulary, of each position.

    Computed in float32, some positions at a time. `kl(p, p)` is exactly 0; infinite where q rules out what p does
    not; tokens that p rules out count 0.

    Args:
        p_logits: [tokens, vocabulary], any float dtype.
        q_logits: the same shape.

    Returns:
        [tokens], float32, in nats.
    """
    if p_logits.shape != q_logits.shape:
        raise ValueError(f"logits of two shapes: {tuple(p_logits.shape)} and {tuple(q_logits.shape)}")
    positions = max(1, CHUNK_ELEMENTS // max(p_logits.shape[-1], 1))
    starts = range(0, max(len(p_logits), 1), positions)
    return torch.cat([_kl(p_logits[at : at + positions], q_logits[at : at + positions]) for at in starts])


def _kl(p_logits: torch.Tensor, q_logits: torch.Tensor) -> torch.Tensor:
    log_p = p_logits.float().log_softmax(dim=-1)
    log_q = q_logits.float().log_softmax(dim=-1)
    terms = log_p.exp() * (log_p - log_q)
    return terms.masked_fill_(log_p == -torch.inf, 0.0).sum(dim=-1)
