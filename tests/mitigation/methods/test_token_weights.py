"""Token weights by hand: on the task's rows alone, and without a gradient of their own."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from keeptune.config import Adapter, ModelConfig, TrainingConfig
from keeptune.data.encode import Encoder
from keeptune.events import silent
from keeptune.inference.loglikelihood import mean_loss
from keeptune.mitigation.methods.token_weights import TALR_FLOOR, TOKEN_LOSSES
from keeptune.mitigation.objective import LEARNED, Objective, Term, completion_loss
from keeptune.models.adapters import attach_adapter
from keeptune.models.batch import Batch
from keeptune.models.load import load_model
from keeptune.records import Example, Message, RowRole
from keeptune.statistics.losses import token_loglikelihoods
from tests.training.loops import loop_over

PROBABILITIES = [0.5, 0.25, 0.9, 0.001, 0.8]
ROWS = [0, 0, 0, 1, 2]


def batch_of(roles: tuple[RowRole, ...]) -> tuple[Batch, torch.Tensor]:
    """Three rows with 3, 1 and 1 tokens of these probabilities; the target is token 0 of two."""
    logits = torch.tensor([[math.log(p), math.log(1 - p)] for p in PROBABILITIES], requires_grad=True)
    nothing = torch.zeros(5, dtype=torch.long)
    return Batch({}, torch.tensor(ROWS), nothing, nothing, 5, roles), logits


def weighted(weights: list[float]) -> float:
    return sum(-w * math.log(p) for w, p in zip(weights, PROBABILITIES, strict=True))


def test_dft_weighs_by_the_probability() -> None:
    batch, logits = batch_of(("task", "task", "task"))
    found = TOKEN_LOSSES["dft"](None, batch, logits)
    assert found.item() == pytest.approx(weighted(PROBABILITIES), rel=1e-5)


def test_talr_weighs_by_the_loss_over_the_median_row() -> None:
    batch, logits = batch_of(("task", "task", "task"))
    losses = [-math.log(p) for p in PROBABILITIES]
    tau = sorted([sum(losses[:3]) / 3, losses[3], losses[4]])[1]
    weights = [max(math.exp(-loss / tau), TALR_FLOOR) for loss in losses]
    assert min(weights) == TALR_FLOOR
    found = TOKEN_LOSSES["talr"](None, batch, logits)
    assert found.item() == pytest.approx(weighted(weights), rel=1e-5)


@pytest.mark.parametrize("name", TOKEN_LOSSES)
def test_replayed_rows_are_learned_as_they_are(name: str) -> None:
    batch, logits = batch_of(("replay", "replay", "replay"))
    plain = completion_loss(None, batch, logits)
    assert torch.equal(TOKEN_LOSSES[name](None, batch, logits).float(), plain)
    mixed, _ = batch_of(("replay", "task", "replay"))
    alone = Batch({}, torch.tensor([0]), torch.tensor([0]), torch.tensor([0]), 1, ("task",))
    expected = -sum(math.log(PROBABILITIES[at]) for at in (0, 1, 2, 4))
    expected += TOKEN_LOSSES[name](None, alone, logits[3:4]).item()
    assert TOKEN_LOSSES[name](None, mixed, logits).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", TOKEN_LOSSES)
def test_the_weights_have_no_gradient(name: str) -> None:
    batch, logits = batch_of(("task", "task", "task"))
    (found,) = torch.autograd.grad(TOKEN_LOSSES[name](None, batch, logits), logits)
    losses = -token_loglikelihoods(logits, batch.targets)
    (plain,) = torch.autograd.grad(losses.sum(), logits)
    # Each token's gradient is the plain one, scaled by a weight from 0 to 1.
    scale = found[:, 0] / plain[:, 0]
    assert torch.allclose(found, plain * scale[:, None])
    assert ((scale > 0) & (scale <= 1)).all()
    assert torch.equal(scale.argsort(), losses.argsort(descending=True))


@pytest.mark.parametrize("name", TOKEN_LOSSES)
def test_it_trains(tiny: Callable[..., Path], tmp_path: Path, name: str) -> None:
    loaded = load_model(ModelConfig(name=str(tiny("llama")), device="cpu", dtype="float32"))
    attach_adapter(loaded, Adapter(rank=4, dropout=0.0), seed=0)
    examples = [Example(f"e{i}", (Message("user", f"number {i}"),), "it is so") for i in range(16)]
    rows = Encoder(loaded.tokenizer, loaded.kind, 128).rows(examples)
    before = mean_loss(loaded, rows, 1 << 20)
    objective = Objective(terms=(Term(1.0, TOKEN_LOSSES[name], on=LEARNED),))
    config = TrainingConfig(lr=0.03, epochs=20, batch_size=8)
    state = loop_over(loaded, rows, config, tmp_path, "f", silent, objective=objective)()
    assert state.completion_tokens == 20 * sum(row.learned for row in rows)
    assert mean_loss(loaded, rows, 1 << 20) < before - 0.1
