"""An EvalRecord: what one model answered to one item, with all that its scores can be recomputed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Finish = Literal["stop", "length", "none"]


@dataclass(frozen=True, slots=True)
class ItemScore:
    """One metric on one item."""

    value: float | None
    """Points out of 100, or nats per token for a loss; None where this item alone has no value."""
    counts: Mapping[str, float] = field(default_factory=dict)
    """Additive counts: summed over any set of items they give that set's corpus score."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model gave for one item, before any metric has looked at it."""

    item_id: str
    output: str | None = None
    """Generated text, special tokens removed; None where nothing was generated."""
    finish: Finish = "none"
    """``stop``: an end token came; ``length``: the limit came first; ``none``: nothing was generated."""
    output_tokens: int = 0
    prompt_tokens: int = 0
    reference_loglikelihood: float | None = None
    """Σ ln p of the first reference's tokens, end token included, given the prompt."""
    reference_tokens: int = 0
    choice_loglikelihoods: tuple[float, ...] = ()
    """Σ ln p of each choice's tokens, end token included, in the order of the item's choices."""
    choice_tokens: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class EvalRecord:
    """One item answered and scored."""

    item_id: str
    cluster: str
    prompt: str
    references: tuple[str, ...]
    choices: tuple[str, ...]
    answer: Answer
    scores: Mapping[str, ItemScore]
