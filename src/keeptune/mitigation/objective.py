"""The objective: loss terms, each a mean over the tokens of some rows in a step, and penalties on the weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from keeptune.errors import ConfigError
from keeptune.models.batch import Batch
from keeptune.models.completion_logits import completion_logits
from keeptune.records import EncodedRow, RowRole
from keeptune.statistics.losses import cross_entropy_sum, token_loglikelihoods

LEARNED: frozenset[RowRole] = frozenset({"task", "replay"})
"""Rows whose completions are learned."""


class TokenLoss(Protocol):
    """It sees the logits at the completion tokens, [tokens, vocabulary], computed once for all terms."""

    def __call__(self, model: Any, batch: Batch, logits: torch.Tensor, /) -> torch.Tensor:
        """A scalar, summed over the batch's completion tokens."""
        ...


Penalty = Callable[[Any], torch.Tensor]
"""Model → a scalar, once per step."""
GradientChange = Callable[[], None]
"""Changes the gradient in the weights of the trained model, in place."""


def completion_loss(_model: Any, batch: Batch, logits: torch.Tensor, /) -> torch.Tensor:
    """Cross-entropy of the completion tokens, in nats, summed, each times its weight where the rows have weights."""
    if batch.weights is None:
        return cross_entropy_sum(logits, batch.targets)
    return -(batch.weights * token_loglikelihoods(logits, batch.targets)).sum()


@dataclass(frozen=True, slots=True)
class Term:
    """weight · mean of a token loss over the completion tokens of the rows with these roles."""

    weight: float
    loss: TokenLoss
    on: frozenset[RowRole] = LEARNED
    tokens: float | None = None
    """What the sum of a step is divided by, for rows that not every step has: the tokens of such rows per step, so that
    the mean over all steps counts. None: the step's own."""
    change: GradientChange | None = None
    """Called with the gradient of this term alone, before that of the others is added. Its rows are in no other term,
    and have passes of their own."""


@dataclass(frozen=True, slots=True)
class Objective:
    """Σ weight · term + Σ weight · penalty."""

    terms: Sequence[Term] = (Term(1.0, completion_loss),)
    penalties: Sequence[tuple[float, Penalty]] = ()

    def __post_init__(self) -> None:
        changed = [term for term in self.terms if term.change]
        shared = any(term.on & changed[0].on for term in self.terms if term is not changed[0]) if changed else False
        if len(changed) > 1 or shared:
            raise ConfigError(
                "the gradient of one loss term alone can be changed, and its rows are in no other term",
                "use --kl-gradient whole, or one of the mitigations",
            )

    @property
    def has_groups(self) -> bool:
        """Whether `groups` divides a step's rows."""
        return any(term.change for term in self.terms)

    def groups(self, rows: Sequence[EncodedRow]) -> list[tuple[list[EncodedRow], GradientChange | None]]:
        """`rows` of a step by what happens to their gradient: first those whose gradient is changed, with the change,
        then all others."""
        changed = next((term for term in self.terms if term.change), None)
        if changed is None:
            return [(list(rows), None)]
        parts = [[row for row in rows if (row.role in changed.on) is alone] for alone in (True, False)]
        return [(part, change) for part, change in zip(parts, (changed.change, None), strict=True) if part]

    def counts(self, rows: Sequence[EncodedRow]) -> list[float]:
        """Completion tokens over which each term is averaged, for `rows` as one step."""
        return [
            sum(row.learned for row in rows if row.role in term.on) if term.tokens is None else term.tokens
            for term in self.terms
        ]

    def __call__(self, model: Any, batch: Batch, counts: Sequence[float]) -> torch.Tensor:
        """A batch's share of the step's loss, without the penalties.

        Args:
            counts: of the whole step, by `counts`.
        """
        logits = completion_logits(model, batch)
        total = torch.zeros((), device=logits.device)
        for term, count in zip(self.terms, counts, strict=True):
            part, places = batch.of_roles(term.on)
            if part is None:
                continue
            of_part = logits if places is None else logits[places]
            total = total + term.weight * term.loss(model, part, of_part) / count
        return total

    def penalty(self, model: Any) -> torch.Tensor | None:
        """Σ weight · penalty; None without penalties."""
        values = [weight * penalty(model) for weight, penalty in self.penalties]
        return torch.stack(values).sum() if values else None
