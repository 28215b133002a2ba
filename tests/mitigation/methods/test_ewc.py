"""EWC: Fisher information against gradients row by row, the penalty against its closed form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from keeptune.config import Adapter, Full, TrainingConfig
from keeptune.errors import ConfigError, TrainingError
from keeptune.events import silent
from keeptune.mitigation.methods.ewc import fisher_information, weighted_distance
from keeptune.mitigation.objective import Objective
from keeptune.models.load import LoadedModel
from keeptune.models.low_rank import low_rank_layers
from keeptune.records import EncodedRow
from tests.mitigation.methods.changed import move, ready, trained
from tests.training.loops import loop_over

METHODS = [Full(), Adapter(rank=4, dropout=0.1)]


def by_hand(loaded: LoadedModel, rows: list[EncodedRow]) -> dict[str, torch.Tensor]:
    """Whole forward passes of single rows through transformers, all weights."""
    found = {name: torch.zeros_like(p) for name, p in loaded.model.named_parameters()}
    for row in rows:
        (start, stop), *_ = row.spans
        if loaded.kind == "encoder-decoder":
            labels = torch.tensor([row.targets])
            loss = loaded.model(input_ids=torch.tensor([row.ids]), labels=labels).loss * row.learned
        else:
            labels = torch.tensor([[-100] * start + list(row.ids[start:stop])])
            loss = loaded.model(input_ids=torch.tensor([row.ids]), labels=labels).loss * row.learned
        loaded.model.zero_grad()
        loss.backward()
        for name, parameter in loaded.model.named_parameters():
            found[name] += parameter.grad.square() / sum(row.learned for row in rows)
    loaded.model.zero_grad()
    return found


@pytest.mark.parametrize("kind", ["llama", "gpt2", "t5"])
def test_information_is_the_mean_squared_gradient_of_a_row(tiny: Callable[..., Path], kind: str) -> None:
    loaded, rows = ready(tiny(kind), Full())
    expected = by_hand(loaded, rows)
    found = fisher_information(loaded, rows, trained(loaded.model))
    for tensor, (name, other) in zip(found, expected.items(), strict=True):
        assert torch.allclose(tensor, other, rtol=1e-3, atol=float(other.max()) * 1e-5), name
    # The same of an adapter's base, adapter on or off.
    adapted, _ = ready(tiny(kind), METHODS[1])
    layers = low_rank_layers(adapted.model)
    asked = [p.requires_grad for p in adapted.model.parameters()]
    penalty = weighted_distance(adapted, rows)
    assert [p.requires_grad for p in adapted.model.parameters()] == asked
    move(adapted.model, 0.05)
    names = {id(p): name for name, p in adapted.inner.named_parameters()}
    plain = {names[id(layer.base.weight)].replace(".base_layer", ""): layer.change().detach() for layer in layers}
    by_form = 0.5 * sum(float((expected[name] * change.square()).sum()) for name, change in plain.items())
    assert penalty(adapted.model).item() == pytest.approx(by_form, rel=1e-3)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.kind)
def test_zero_at_the_start_and_a_gradient_by_finite_differences(tiny: Callable[..., Path], method: Any) -> None:
    loaded, rows = ready(tiny("llama"), method)
    penalty = weighted_distance(loaded, rows)
    assert penalty(loaded.model).item() == 0.0
    move(loaded.model)
    penalty(loaded.model).backward()
    weights = trained(loaded.model)
    torch.manual_seed(1)
    along = [torch.randn_like(weight) for weight in weights]
    slope = sum(float((p.grad * way).sum()) for p, way in zip(weights, along, strict=True))  # type: ignore[operator]
    ends = []
    for by in (1e-3, -2e-3):
        with torch.no_grad():
            for weight, way in zip(weights, along, strict=True):
                weight += by * way
        ends.append(penalty(loaded.model).item())
    assert (ends[0] - ends[1]) / 2e-3 == pytest.approx(slope, rel=1e-2)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.kind)
def test_a_heavy_penalty_holds_what_matters(tiny: Callable[..., Path], tmp_path: Path, method: Any) -> None:
    energy = {}
    for weight in (0.0, 1e3):
        loaded, rows = ready(tiny("llama"), method)
        penalty = weighted_distance(loaded, rows[:2])
        objective = Objective(penalties=((weight, penalty),))
        config = TrainingConfig(lr=0.01, epochs=20, batch_size=4)
        loop_over(loaded, rows[2:], config, tmp_path / str(weight), "f", silent, objective=objective)()
        energy[weight] = penalty(loaded.model).item()
    assert energy[1e3] < energy[0.0] / 20


def test_what_does_not_fit_is_named(tiny: Callable[..., Path]) -> None:
    loaded, rows = ready(tiny("llama"), Adapter(kind="loha", rank=4))
    with pytest.raises(ConfigError, match="not W₀"):
        weighted_distance(loaded, rows)
    loaded, _ = ready(tiny("llama"), Full())
    with pytest.raises(TrainingError, match="no row") as caught:
        weighted_distance(loaded, [])
    assert "--replay" in caught.value.fix
