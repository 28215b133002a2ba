"""FLOW and PriFT: weights that the base gives before the first step, by hand, and their way into the loss."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from keeptune.config import MitigationConfig, TuneConfig
from keeptune.data.encode import Encoder
from keeptune.events import silent
from keeptune.inference.loglikelihood import loglikelihoods_by_token
from keeptune.mitigation.apply import AppliedMitigations
from keeptune.mitigation.methods.flow import row_weights
from keeptune.mitigation.methods.token_weights import TOKEN_LOSSES
from keeptune.mitigation.objective import LEARNED, Objective, completion_loss
from keeptune.mitigation.row_weights import weighed
from keeptune.models.batch import make_batch
from keeptune.models.completion_logits import completion_logits
from keeptune.models.load import LoadedModel
from keeptune.records import EncodedRow, Example, Message
from tests.mitigation.talking import load


def learned(loaded: LoadedModel, rows: list[EncodedRow], *extra: str) -> list[EncodedRow]:
    config = TuneConfig(mitigation=MitigationConfig(extra=extra))
    return AppliedMitigations(config, Encoder(loaded.tokenizer, loaded.kind, 128), 4096, silent).learned_rows(
        loaded, rows
    )


def some_rows(loaded: LoadedModel) -> list[EncodedRow]:
    examples = [Example(f"e{n}", (Message("user", f"say {n}"),), f"why {n}" * (n + 1)) for n in range(5)]
    return Encoder(loaded.tokenizer, loaded.kind, 128).rows(examples)


def test_flow_by_hand() -> None:
    assert row_weights([2.0, 1.0, 4.0]) == pytest.approx([math.exp(-1), math.exp(-0.5), math.exp(-2)])
    assert row_weights([1.0, 3.0], 0.5) == pytest.approx([math.exp(-1), math.exp(-3)])
    assert row_weights([0.0, 0.0]) == [1.0, 1.0]


@pytest.mark.parametrize("kind", ["llama", "t5"])
def test_each_row_counts_by_its_mean_loss_under_the_base(tiny: Callable[..., Path], kind: str) -> None:
    loaded = load(tiny(kind))
    rows = some_rows(loaded)
    losses = [-float(values.mean()) for values in loglikelihoods_by_token(loaded, rows, 4096)]
    tau = sorted(losses)[2]
    for row, loss in zip(learned(loaded, rows, "flow"), losses, strict=True):
        assert len(set(row.weights)) == 1
        assert row.weights[0] == pytest.approx(math.exp(-loss / tau), rel=1e-4)
        assert len(row.weights) == row.learned


def test_each_token_counts_by_its_probability_under_the_base(tiny: Callable[..., Path]) -> None:
    loaded = load(tiny("llama"))
    rows = some_rows(loaded)
    found = learned(loaded, rows, "prift")
    batch = make_batch(rows, loaded.kind, loaded.tokenizer.pad_token_id, loaded.placement.device)
    with torch.no_grad():
        probabilities = completion_logits(loaded.model, batch).softmax(-1).gather(1, batch.targets[:, None])[:, 0]
    assert [w for row in found for w in row.weights] == pytest.approx(probabilities.tolist(), rel=1e-4)


def test_both_together_multiply(tiny: Callable[..., Path]) -> None:
    loaded = load(tiny("llama"))
    rows = some_rows(loaded)
    flow, prift, both = (learned(loaded, rows, *names) for names in (["flow"], ["prift"], ["prift", "flow"]))
    for one, other, found in zip(flow, prift, both, strict=True):
        assert found.weights == pytest.approx([a * b for a, b in zip(one.weights, other.weights, strict=True)])


def test_the_loss_stays_a_mean_over_the_tokens(tiny: Callable[..., Path]) -> None:
    """Weighted rows beside others: Σ w · cross-entropy over the number of all tokens to learn, batched or not."""
    loaded = load(tiny("llama"))
    rows = some_rows(loaded)
    rows[1] = weighed(rows[1], [0.25] * rows[1].learned)
    rows[3] = replace(weighed(rows[3], [0.5] * rows[3].learned), role="replay")
    plain = [replace(row, weights=()) for row in rows]
    objective, losses = Objective(), loglikelihoods_by_token(loaded, plain, 4096)
    factors = [1, 0.25, 1, 0.5, 1]
    tokens = sum(row.learned for row in rows)
    expected = sum(-factor * float(loss.sum()) for factor, loss in zip(factors, losses, strict=True)) / tokens

    def share(part: list[EncodedRow]) -> torch.Tensor:
        batch = make_batch(part, loaded.kind, loaded.tokenizer.pad_token_id, loaded.placement.device)
        return objective(loaded.model, batch, objective.counts(rows))

    assert share(rows).item() == pytest.approx(expected, rel=1e-5)
    assert sum(share([row]).item() for row in rows) == pytest.approx(expected, rel=1e-5)
    with_base = [*rows, replace(plain[0], role="base")]
    batch = make_batch(with_base, loaded.kind, loaded.tokenizer.pad_token_id, loaded.placement.device)
    part, places = batch.of_roles(LEARNED)
    assert part is not None
    assert part.weights is not None
    assert batch.weights is not None
    assert torch.equal(part.weights, batch.weights[places])
    assert len(part.weights) == tokens


def test_weights_of_ones_change_nothing_and_dft_counts_with_them(tiny: Callable[..., Path]) -> None:
    loaded = load(tiny("llama"))
    rows = some_rows(loaded)

    def loss_of(name: str, weight: float | None) -> float:
        given = rows if weight is None else [weighed(row, [weight] * row.learned) for row in rows]
        batch = make_batch(given, loaded.kind, loaded.tokenizer.pad_token_id, loaded.placement.device)
        with torch.no_grad():
            logits = completion_logits(loaded.model, batch)
        return TOKEN_LOSSES.get(name, completion_loss)(None, batch, logits).item()

    for name in ("plain", "dft"):
        assert loss_of(name, 1.0) == pytest.approx(loss_of(name, None), rel=1e-6)
        assert loss_of(name, 0.5) == pytest.approx(loss_of(name, None) / 2, rel=1e-6)


def test_as_many_weights_as_tokens_to_learn() -> None:
    with pytest.raises(ValueError, match="2 weights for 3 tokens"):
        EncodedRow("r", (1, 2, 3, 4), (), ((1, 4),), 0, weights=(1.0, 1.0))
