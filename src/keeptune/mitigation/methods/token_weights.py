"""Completion tokens that the model finds improbable count less: what is far from the base moves it most.

The weights apply to the task's own rows. Replayed rows are learned as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from keeptune.events import Notice
from keeptune.mitigation.mitigation import Mitigation, RowInputs
from keeptune.mitigation.objective import TokenLoss
from keeptune.mitigation.registry import MITIGATIONS
from keeptune.mitigation.token_mask import mask_improbable
from keeptune.models.batch import Batch
from keeptune.records import EncodedRow
from keeptune.statistics.losses import token_loglikelihoods

TALR_FLOOR = 0.01
"""No token counts less than this."""


def _dft(losses: torch.Tensor, _rows: torch.Tensor) -> torch.Tensor:
    """The token's own probability. Wu et al. 2025, arXiv:2508.05629."""
    return losses.neg().exp()


def _talr(losses: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """max(exp(−loss / τ), floor), τ the median of the mean losses of the rows that share this forward pass.

    Lin et al. 2025, arXiv:2509.20758: weights that minimise Σ w·loss + τ·Σ w·ln w, before normalisation.
    """
    tokens = rows.bincount()
    means = losses.new_zeros(len(tokens)).index_add_(0, rows, losses) / tokens
    tau = means[tokens > 0].median().clamp_min(1e-6)
    return torch.exp(-losses / tau).clamp_min(TALR_FLOOR)


@dataclass(frozen=True, slots=True)
class WeightedLoss:
    """Cross-entropy whose tokens on the task's rows count by `weigh` of their detached losses and rows, times the
    weights that the rows have."""

    weigh: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

    def __call__(self, _model: Any, batch: Batch, logits: torch.Tensor, /) -> torch.Tensor:
        losses = -token_loglikelihoods(logits, batch.targets)
        of_task = torch.tensor([role == "task" for role in batch.roles], device=losses.device)[batch.rows]
        weights = torch.ones_like(losses) if batch.weights is None else batch.weights.clone()
        if of_task.any():
            weights[of_task] *= self.weigh(losses.detach()[of_task], batch.rows[of_task])
        return (weights * losses).sum()


TOKEN_LOSSES: Mapping[str, TokenLoss] = {"dft": WeightedLoss(_dft), "talr": WeightedLoss(_talr)}
"""By name, each in the place of `completion_loss`."""


def _learned(rule: str, inputs: RowInputs, rows: list[EncodedRow]) -> list[EncodedRow]:
    if rule != "stm":
        return rows
    masked = mask_improbable(inputs.base, rows, inputs.token_budget)
    share = f"{100 * masked.masked / masked.tokens:.0f} %"
    rest = f"; {masked.dropped} rows had no other" if masked.dropped else ""
    inputs.observer(Notice("stm", f"{share} of the completion tokens are improbable and not learned{rest}"))
    return list(masked.rows)


@MITIGATIONS.register("token-weights")
def token_weights() -> Mitigation:
    """The value is the rule: ``stm``, ``talr`` or ``dft``."""
    return Mitigation(
        cost="a training",
        default="talr",
        setting="mitigation.token_weights",
        source="arXiv:2509.20758",
        learned_rows=_learned,
        loss=TOKEN_LOSSES.get,
    )
