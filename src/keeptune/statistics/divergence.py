"""Kullback–Leibler divergence between next-token distributions."""

from __future__ import annotations

from dataclasses import dataclass

import torch

SMALLEST_REST = 1e-6
"""Probability of the tokens that are not the likeliest, at least: float32 knows no smaller rest of 1."""
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
    positions = _positions(p_logits)
    starts = range(0, max(len(p_logits), 1), positions)
    return torch.cat([_kl(p_logits[at : at + positions], q_logits[at : at + positions]) for at in starts])


def _positions(logits: torch.Tensor) -> int:
    """Positions taken to float32 at a time."""
    return max(1, CHUNK_ELEMENTS // max(logits.shape[-1], 1))


def _kl(p_logits: torch.Tensor, q_logits: torch.Tensor) -> torch.Tensor:
    log_p = p_logits.float().log_softmax(dim=-1)
    log_q = q_logits.float().log_softmax(dim=-1)
    terms = log_p.exp() * (log_p - log_q)
    return terms.masked_fill_(log_p == -torch.inf, 0.0).sum(dim=-1)


@dataclass(frozen=True, slots=True)
class Likeliest:
    """The likeliest tokens of next-token distributions."""

    ids: torch.Tensor
    """[tokens, k]"""
    log_p: torch.Tensor
    """[tokens, k], float32; the rest of each distribution is one more outcome."""

    @classmethod
    def of(cls, logits: torch.Tensor, k: int) -> Likeliest:
        """The `k` likeliest tokens of each position: [tokens, vocabulary] → [tokens, k]."""
        found = torch.topk(logits, min(k, logits.shape[-1]), dim=-1)
        parts = torch.split(logits, _positions(logits))
        totals = torch.cat([part.float().logsumexp(dim=-1, keepdim=True) for part in parts])
        return cls(found.indices.int(), found.values.float() - totals)


def kl_of_likeliest(p: Likeliest, q_logits: torch.Tensor) -> torch.Tensor:
    """KL(p ‖ q) where all tokens but p's likeliest count as one outcome, of each position.

    At most the KL over the whole vocabulary, by the data processing inequality, and equal to it where q shares the rest
    of its probability out as p does. Differentiable in `q_logits`.

    Args:
        q_logits: [tokens, vocabulary], any float dtype.

    Returns:
        [tokens], float32, in nats.
    """
    q_logits = q_logits.float()
    log_q = q_logits.gather(1, p.ids.long()) - q_logits.logsumexp(dim=-1, keepdim=True)
    log_rests = [torch.log1p(-log.exp().sum(dim=-1).clamp(max=1 - SMALLEST_REST)) for log in (p.log_p, log_q)]
    terms = p.log_p.exp() * (p.log_p - log_q)
    inside = terms.masked_fill(p.log_p == -torch.inf, 0.0).sum(dim=-1)
    return inside + log_rests[0].exp() * (log_rests[0] - log_rests[1])
