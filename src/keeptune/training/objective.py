"""What the loop minimises: a sum of loss terms, each a function of the model and a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from keeptune.models.batch import Batch
from keeptune.models.completion_logits import completion_logits
from keeptune.numerics.losses import cross_entropy_sum


class LossTerm(Protocol):
    """One term. It sees the logits at the completion tokens, [tokens, vocabulary], computed once for all terms."""

    def __call__(self, model: Any, batch: Batch, logits: torch.Tensor, /) -> torch.Tensor:
        """A scalar, summed over the batch's completion tokens."""
        ...


def completion_loss(_model: Any, batch: Batch, logits: torch.Tensor, /) -> torch.Tensor:
    """Cross-entropy of the completion tokens, in nats, summed."""
    return cross_entropy_sum(logits, batch.targets)


@dataclass(frozen=True, slots=True)
class Objective:
    """Σ weight · term."""

    terms: Sequence[tuple[float, LossTerm]] = ((1.0, completion_loss),)

    def __call__(self, model: Any, batch: Batch) -> torch.Tensor:
        """The loss of a batch, summed over its completion tokens."""
        logits = completion_logits(model, batch)
        total = torch.zeros((), device=logits.device)
        for weight, term in self.terms:
            total = total + weight * term(model, batch, logits)
        return total
