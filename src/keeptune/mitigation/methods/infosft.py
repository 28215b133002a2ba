"""InfoSFT: tokens of medium confidence count most. Sabbaghi et al. 2026, arXiv:2605.14967.

w = q · max(0, 1 − logit(q) / logit(P)), q the model's own probability of the token as it is then, without a gradient,
and logit(q) = ln q − ln(1 − q). Tokens more probable than P are not learned at all. As in the authors' code, the loss
is the sum of w · cross-entropy over the number of tokens.
"""

from __future__ import annotations

import math
from functools import partial

import torch

from keeptune.config.setting import Range
from keeptune.mitigation.methods.token_weights import WeightedLoss
from keeptune.mitigation.mitigation import Mitigation
from keeptune.mitigation.objective import TokenLoss
from keeptune.mitigation.registry import MITIGATIONS


def info_loss(highest: float) -> TokenLoss:
    """Cross-entropy weighted by `w` above, with P = `highest`."""
    return WeightedLoss(partial(_weigh, math.log(highest / (1 - highest))))


def _weigh(scale: float, losses: torch.Tensor, _rows: torch.Tensor) -> torch.Tensor:
    logits = -losses - torch.log(-torch.expm1(-losses))
    return losses.neg().exp() * (1 - logits / scale).clamp_min(0)


@MITIGATIONS.register("infosft")
def infosft() -> Mitigation:
    """The value is P, the probability above which a token is not learned."""
    return Mitigation(
        cost="a training",
        default=0.93,
        allowed=Range(0.5, 1, low_open=True),
        source="arXiv:2605.14967",
        loss=info_loss,
    )
