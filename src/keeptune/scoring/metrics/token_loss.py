"""Mean token loss: how unlikely the model finds the reference. It needs no generation and no parser."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from keeptune.errors import MetricError
from keeptune.records import Answer, Example, ItemScore, Undefined
from keeptune.scoring.metric import UNSCORED, Needs, Unit
from keeptune.scoring.table import METRICS


@METRICS.register("token_loss")
@dataclass(frozen=True, slots=True)
class TokenLoss:
    """−Σ ln p(reference token | prompt, earlier tokens) / tokens, in nats per token, end token included.

    Corpus: Σ nats / Σ tokens, so every token weighs the same, not every item. The first reference is used.
    exp of it is the perplexity. Lower is better.
    """

    name: str = "token_loss"
    needs: Needs = "loss"
    higher_is_better: bool = False
    unit: Unit = "nats"
    binary: bool = False

    def item(self, answer: Answer, example: Example) -> ItemScore:  # noqa: ARG002
        if answer.reference_loglikelihood is None or answer.reference_tokens < 1:
            return UNSCORED
        nats = -answer.reference_loglikelihood
        if not math.isfinite(nats):
            raise MetricError(
                f"the model gave item {answer.item_id} a loss of {nats}",
                "see that its weights are finite, or try --dtype float32",
            )
        return ItemScore(
            value=nats / answer.reference_tokens,
            counts={"nats": nats, "tokens": float(answer.reference_tokens)},
        )

    def corpus(self, counts: Mapping[str, float], items: int) -> float | Undefined:  # noqa: ARG002
        if counts.get("tokens", 0.0) < 0.5:
            return Undefined("no reference tokens")
        return counts["nats"] / counts["tokens"]
