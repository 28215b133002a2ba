"""InfoSFT's weights by hand: q · max(0, 1 − logit(q) / logit(P))."""

from __future__ import annotations

import math

import pytest
import torch

from keeptune.mitigation.methods.infosft import info_loss
from keeptune.models.batch import Batch
from tests.mitigation.methods.test_token_weights import PROBABILITIES, batch_of


def weight(q: float, highest: float) -> float:
    return q * max(0.0, 1 - math.log(q / (1 - q)) / math.log(highest / (1 - highest)))


@pytest.mark.parametrize("highest", [0.93, 0.85])
def test_tokens_of_medium_probability_count_most(highest: float) -> None:
    batch, logits = batch_of(("task", "task", "task"))
    weights = [weight(q, highest) for q in PROBABILITIES]
    # At q = 0.5 the logit is 0; above P nothing is left.
    assert weights[0] == 0.5
    assert (weights[2] == 0) == (highest < 0.9)
    expected = sum(-w * math.log(q) for w, q in zip(weights, PROBABILITIES, strict=True))
    assert info_loss(highest)(None, batch, logits).item() == pytest.approx(expected, rel=1e-5)
    (gradient,) = torch.autograd.grad(info_loss(highest)(None, batch, logits), logits)
    by_hand = [-w * (1 - q) for w, q in zip(weights, PROBABILITIES, strict=True)]
    assert gradient[:, 0].tolist() == pytest.approx(by_hand, rel=1e-4), "the weights have no gradient"


@pytest.mark.parametrize("logit", [-200.0, 200.0])
def test_certain_tokens_are_finite(logit: float) -> None:
    nothing = torch.zeros(1, dtype=torch.long)
    batch = Batch({}, nothing, nothing, nothing, 1, ("task",))
    logits = torch.tensor([[logit, 0.0]], requires_grad=True)
    loss = info_loss(0.93)(None, batch, logits)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert loss.item() == 0
    assert gradient.isfinite().all()
