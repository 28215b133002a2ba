"""KL(base ‖ tuned): the tuned model is held to the base's next-token distributions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from keeptune.models.batch import Batch
from keeptune.models.reference import Reference
from keeptune.statistics.divergence import kl


@dataclass(frozen=True, slots=True)
class KlToBase:
    """Σ KL(base ‖ tuned) over the completion tokens, in nats; only the tuned model gets a gradient.

    Over the whole vocabulary, in float32: two more tables of [tokens, vocabulary] beside the logits.
    """

    reference: Reference
    without_target: bool = False
    """Leave the token to learn out of both distributions and renormalise the rest, so that the term does not oppose
    what the task teaches. For the task's own rows; Xu et al. 2026, arXiv:2605.29498."""

    def __call__(self, _model: Any, batch: Batch, logits: torch.Tensor, /) -> torch.Tensor:
        """A scalar, summed over the batch's completion tokens."""
        base = self.reference.logits(batch)
        if self.without_target:
            base, logits = (_without(table, batch.targets) for table in (base, logits))
        return kl(base, logits).sum()


def _without(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """`logits` that rule each position's target out."""
    return logits.scatter(1, targets[:, None], -torch.inf)
