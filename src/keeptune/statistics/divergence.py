"""Kullback–Leibler divergence between next-token distributions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd.function import once_differentiable

SMALLEST_REST = 1e-6
"""Probability of the tokens that are not the likeliest, at least: float32 knows no smaller rest of 1."""
CHUNK_ELEMENTS = 1 << 21
"""Logits taken to float32 at a time: 8 MiB a tensor, few enough to stay in a processor's cache."""


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
    found = _KlOfLikeliest.apply(p.ids, p.log_p, q_logits)  # type: ignore[no-untyped-call]
    return torch.as_tensor(found)


class _KlOfLikeliest(torch.autograd.Function):
    """It computes the slope beside the value, some positions at a time: autograd would hold five tables of [tokens,
    vocabulary] in float32, which cost more time than the products between them."""

    @staticmethod
    def forward(ctx: Any, ids: torch.Tensor, log_p: torch.Tensor, q_logits: torch.Tensor) -> torch.Tensor:
        sloped = ctx.needs_input_grad[2]
        # A float16 table would lose what a scaler is yet to raise.
        slopes = torch.empty_like(q_logits, dtype=None if q_logits.dtype == torch.bfloat16 else torch.float32)
        values = []
        positions = _positions(q_logits)
        for at in range(0, max(len(q_logits), 1), positions):
            part = slice(at, at + positions)
            logits, of_part, log = q_logits[part].to(torch.float32, copy=True), ids[part].long(), log_p[part]
            total = logits.logsumexp(dim=-1, keepdim=True)
            log_q = logits.gather(1, of_part) - total
            p, q = log.exp(), log_q.exp()
            in_p, in_q = (each.sum(dim=-1, keepdim=True) for each in (p, q))
            log_rest_p, log_rest_q = (torch.log1p(-each.clamp(max=1 - SMALLEST_REST)) for each in (in_p, in_q))
            inside = (p * (log - log_q)).masked_fill_(log == -torch.inf, 0.0).sum(dim=-1, keepdim=True)
            values.append((inside + log_rest_p.exp() * (log_rest_p - log_rest_q)).squeeze(1))
            if sloped:
                # Of the rest p_r·(−ln q_r): its q_r = 1 − Σq falls with each q_i; at its smallest it is a constant.
                ratio = (log_rest_p - log_rest_q).exp().masked_fill_(in_q > 1 - SMALLEST_REST, 0.0)
                table = logits.sub_(total).exp_().mul_(in_p - ratio * in_q)
                slopes[part] = table.scatter_add_(1, of_part, ratio * q - p)
        if sloped:
            ctx.save_for_backward(slopes)
        ctx.dtype = q_logits.dtype
        return torch.cat(values)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: torch.Tensor) -> tuple[None, None, torch.Tensor]:
        (slopes,) = ctx.saved_tensors
        return None, None, (slopes * slope[:, None].to(slopes.dtype)).to(ctx.dtype)
