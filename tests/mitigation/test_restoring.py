"""The part of the KL's gradient that leads back to the base."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from keeptune.config import Adapter, Full
from keeptune.errors import ConfigError
from keeptune.events import silent
from keeptune.mitigation import restoring
from keeptune.mitigation.apply import AppliedMitigations
from keeptune.mitigation.objective import Objective, Term, completion_loss
from keeptune.mitigation.restoring import RestoringPart
from keeptune.models.adapters import attach_adapter
from keeptune.models.load import LoadedModel
from keeptune.records import EncodedRow
from keeptune.training.fit_memory import Held, MemoryFit
from keeptune.training.gradients import Gradients
from keeptune.training.step import scaler_for
from tests.mitigation.talking import load
from tests.mitigation.test_apply import LORA, OLD, examples, mitigations, task_rows

SETTINGS: dict[str, Any] = {"kl": 3.0, "kl_share": 0.4, "kl_tokens": 16}


@pytest.mark.parametrize("chunk", [3, 7, 1 << 20])
@pytest.mark.parametrize("shape", [(), (5,), (6, 4), (3, 2, 5), (0, 4)])
def test_what_leads_back_is_left(shape: tuple[int, ...], chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restoring, "CHUNK", chunk)
    torch.manual_seed(len(shape))
    model = torch.nn.Module()
    model.moved, model.still = (torch.nn.Parameter(torch.randn(shape)) for _ in range(2))
    model.frozen = torch.nn.Parameter(torch.randn(shape), requires_grad=False)
    part, start = RestoringPart.of(model), model.moved.detach().clone()
    assert len(part.weights) == 2
    with torch.no_grad():
        model.moved += torch.randn(shape)
    # As a matrix that is stored by columns.
    slope = torch.randn((*shape[:-2], *shape[:-3:-1])).mT if len(shape) > 1 else torch.randn(shape)
    model.moved.grad, model.still.grad = slope.clone(memory_format=torch.preserve_format), torch.ones(shape)
    part()
    away = (model.moved.detach() - start) * slope <= 0
    assert torch.equal(model.moved.grad, slope.masked_fill(away, 0.0))
    assert not model.still.grad.any(), "it would only move away"
    model.moved.grad = None
    part()
    assert model.moved.grad is None


def test_the_start_is_kept_exactly_and_in_bfloat16_where_that_is_exact() -> None:
    model = torch.nn.Linear(4, 3)
    with torch.no_grad():
        model.bias.copy_(model.bias.bfloat16())
    (_, weight), (_, bias) = RestoringPart.of(model).weights
    assert (weight.dtype, bias.dtype) == (torch.float32, torch.bfloat16)
    assert torch.equal(weight, model.weight)
    assert torch.equal(bias.float(), model.bias)
    assert weight.data_ptr() != model.weight.data_ptr()
    part = RestoringPart.of(model.bfloat16())
    assert all(start.data_ptr() != weight.data_ptr() for weight, start in part.weights)


def test_one_term_can_change_its_gradient_and_has_rows_of_its_own() -> None:
    changed = Term(1.0, completion_loss, frozenset({"base"}), change=lambda: None)
    Objective((Term(1.0, completion_loss), changed))
    with pytest.raises(ConfigError, match="one loss term alone"):
        Objective((changed, replace(changed, on=frozenset({"replay"}))))
    with pytest.raises(ConfigError, match="in no other term"):
        Objective((Term(1.0, completion_loss, frozenset({"task", "base"})), changed))


def gradient(loaded: LoadedModel, objective: Objective, rows: Sequence[EncodedRow], budget: int) -> list[torch.Tensor]:
    gradients = Gradients(loaded, objective, silent, scaler_for(loaded), MemoryFit(budget, 0))
    gradients.of_step(1, rows)
    found = [weight.grad.clone() for weight in loaded.model.parameters() if weight.grad is not None]
    loaded.model.zero_grad()
    return found


def of_kl(found: AppliedMitigations, loaded: LoadedModel, method: Any) -> tuple[list[EncodedRow], Objective]:
    rows = task_rows(loaded)
    rows += found.base_rows(loaded, rows, [examples(OLD)])
    if not isinstance(method, Full):
        attach_adapter(loaded, method, 0)
    return rows, found.objective(loaded, rows)


@pytest.mark.parametrize("budget", [1 << 20, 60])
@pytest.mark.parametrize("method", [Full(), LORA])
@pytest.mark.parametrize("kind", ["llama", "t5"])
def test_a_step_has_the_gradient_of_the_task_and_what_of_the_kl_leads_back(
    tiny: Callable[..., Path], kind: str, method: Any, budget: int
) -> None:
    loaded = load(tiny(kind))
    rows, objective = of_kl(mitigations(loaded, **SETTINGS), loaded, method)
    trained = [weight for weight in loaded.model.parameters() if weight.requires_grad]
    start = [weight.detach().clone() for weight in trained]
    only_task, only_kl = ([row for row in rows if (row.role == "base") is base] for base in (False, True))
    assert only_task
    assert only_kl

    plain = gradient(loaded, Objective(), only_task, budget)
    at_start = gradient(loaded, objective, rows, budget)
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(plain, at_start, strict=True)), "nothing leads back"

    torch.manual_seed(0)
    with torch.no_grad():
        for weight in trained:
            weight += 0.02 * torch.randn_like(weight)
    whole = replace(objective, terms=tuple(replace(term, change=None) for term in objective.terms))
    task, kl = gradient(loaded, Objective(), only_task, budget), gradient(loaded, whole, only_kl, budget)
    away = [(weight.detach() - old) * g <= 0 for weight, old, g in zip(trained, start, kl, strict=True)]
    assert 0.1 < sum(int(a.sum()) for a in away) / sum(a.numel() for a in away) < 0.9
    expected = [a + b.masked_fill(gone, 0.0) for a, b, gone in zip(task, kl, away, strict=True)]
    found = gradient(loaded, objective, rows, budget)
    for a, b in zip(expected, found, strict=True):
        assert torch.allclose(a, b, atol=2e-4 * float(a.abs().max() + 1e-3))


def test_a_pass_without_memory_is_made_again_with_the_others(
    tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load(tiny("llama"))
    rows, objective = of_kl(mitigations(loaded, **SETTINGS), loaded, Full())
    with torch.no_grad():
        for weight in loaded.model.parameters():
            weight.mul_(1.02)
    expected = gradient(loaded, objective, rows, 1 << 20)
    real, calls = Objective.__call__, []

    def loss(*given: Any) -> torch.Tensor:
        calls.append(given)
        if len(calls) == 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(*given)

    monkeypatch.setattr(Objective, "__call__", loss)
    found = gradient(loaded, objective, rows, 1 << 20)
    assert len(calls) > 4
    assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(expected, found, strict=True))


def test_the_memory_is_tried_on_the_passes_of_a_step(
    tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load(tiny("llama"))
    rows, objective = of_kl(mitigations(loaded, **SETTINGS), loaded, Full())
    real, roles = Objective.__call__, []

    def loss(self: Objective, model: Any, batch: Any, counts: Any) -> torch.Tensor:
        roles.append(set(batch.roles))
        assert all(weight.grad is not None for weight in model.parameters()), "as the first group leaves them"
        return real(self, model, batch, counts)

    monkeypatch.setattr(Objective, "__call__", loss)
    gradients = Gradients(loaded, objective, silent, scaler_for(loaded), MemoryFit(1 << 20, 0))
    gradients.fit_memory([rows], Held(0, 0))
    assert roles
    assert all(len(of_pass) == 1 for of_pass in roles)
    assert all(weight.grad is None for weight in loaded.model.parameters())


def test_all_of_it_where_the_settings_say_so_and_where_the_reference_is_another_model(
    tiny: Callable[..., Path],
) -> None:
    loaded, other = load(tiny("llama")), load(tiny("llama"))
    for given, restores in (
        (mitigations(loaded, **SETTINGS), True),
        (mitigations(loaded, **SETTINGS, kl_gradient="whole"), False),
        (replace(mitigations(loaded, **SETTINGS, reference="other"), other=other), False),
    ):
        _, objective = of_kl(given, loaded, Full())
        assert [term.change is not None for term in objective.terms] == [False, restores]


@pytest.mark.parametrize(
    ("adapter", "restores"), [("lora", True), ("dora", True), ("ia3", True), ("prompt", False), ("prefix", False)]
)
def test_all_of_it_for_adapters_that_do_not_start_at_the_base(talking: Path, adapter: str, restores: bool) -> None:
    loaded = load(talking)
    _, objective = of_kl(mitigations(loaded, **SETTINGS), loaded, Adapter(adapter))
    assert [term.change is not None for term in objective.terms] == [False, restores]
