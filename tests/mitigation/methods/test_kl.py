"""KL to the base: values against scipy, gradients against finite differences."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import softmax
from scipy.stats import entropy

from keeptune.config import Adapter, Full, ModelConfig
from keeptune.data.encode import Encoder
from keeptune.mitigation.methods.kl import LIKELIEST, KlToBase, KlToKept, kept_distributions
from keeptune.models.adapters import attach_adapter
from keeptune.models.batch import Batch, make_batch
from keeptune.models.completion_logits import completion_logits
from keeptune.models.load import LoadedModel, load_model
from keeptune.models.reference import Reference, reference_of, untrained_reference
from keeptune.records import Example, Message

EXAMPLES = [Example(f"e{i}", (Message("user", f"number {i}"),), f"it is {i}") for i in range(3)]
METHODS = [Full(), Adapter(rank=4, dropout=0.0)]


def moved(folder: Path, method: Any) -> tuple[LoadedModel, Reference, Batch]:
    """A model some way from its base, and one batch."""
    loaded = load_model(ModelConfig(name=str(folder), device="cpu", dtype="float32"))
    if isinstance(method, Full):
        loaded.model.requires_grad_(True)
    else:
        attach_adapter(loaded, method, seed=0)
    reference = reference_of(loaded)
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in loaded.model.parameters():
            if parameter.requires_grad:
                parameter += 0.1 * torch.randn_like(parameter)
    loaded.model.eval()
    rows = Encoder(loaded.tokenizer, loaded.kind, 128).rows(EXAMPLES)
    return loaded, reference, make_batch(rows, loaded.kind, loaded.tokenizer.pad_token_id, torch.device("cpu"))


def by_scipy(base: torch.Tensor, tuned: torch.Tensor, without: torch.Tensor | None) -> float:
    total = 0.0
    for at, (p, q) in enumerate(zip(base.double().numpy(), tuned.double().numpy(), strict=True)):
        if without is not None:
            p, q = (np.delete(logits, int(without[at])) for logits in (p, q))
        total += float(entropy(softmax(p), softmax(q)))
    return total


@pytest.mark.parametrize("without_target", [False, True])
@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.kind)
@pytest.mark.parametrize("kind", ["llama", "t5"])
def test_the_value_is_scipys(tiny: Callable[..., Path], kind: str, method: Any, without_target: bool) -> None:
    loaded, reference, batch = moved(tiny(kind), method)
    with torch.no_grad():
        logits = completion_logits(loaded.model, batch)
        found = KlToBase(reference, without_target)(loaded.model, batch, logits)
    expected = by_scipy(reference.logits(batch), logits, batch.targets if without_target else None)
    assert expected > 0.01
    assert float(found) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("without_target", [False, True])
@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.kind)
def test_the_gradient_is_that_of_finite_differences(
    tiny: Callable[..., Path], method: Any, without_target: bool
) -> None:
    loaded, reference, batch = moved(tiny("llama"), method)
    term = KlToBase(reference, without_target)

    def value() -> torch.Tensor:
        return term(loaded.model, batch, completion_logits(loaded.model, batch))

    value().backward()
    trained = [parameter for parameter in loaded.model.parameters() if parameter.requires_grad]
    torch.manual_seed(1)
    along = [torch.randn_like(parameter) for parameter in trained]
    slope = sum(float((p.grad * way).sum()) for p, way in zip(trained, along, strict=True))  # type: ignore[operator]
    # B·A is quadratic in what is moved.
    reach, ends = (1e-3 if isinstance(method, Full) else 1e-4), []
    for move in (reach, -2 * reach):
        with torch.no_grad():
            for parameter, way in zip(trained, along, strict=True):
                parameter += move * way
            ends.append(float(value()))
    assert (ends[0] - ends[1]) / (2 * reach) == pytest.approx(slope, rel=2e-2)
    assert all(parameter.grad is None for parameter in reference.model.parameters() if not parameter.requires_grad)


def test_the_target_alone_may_move_freely(tiny: Callable[..., Path]) -> None:
    loaded, reference, batch = moved(tiny("llama"), METHODS[1])
    logits = reference.logits(batch)
    logits[torch.arange(len(logits)), batch.targets] += 3.0
    logits.requires_grad_(True)
    free = KlToBase(reference, without_target=True)(loaded.model, batch, logits)
    assert float(free.detach()) == 0.0
    (gradient,) = torch.autograd.grad(free, logits)
    assert torch.equal(gradient[torch.arange(len(logits)), batch.targets], torch.zeros(len(logits)))
    assert torch.isfinite(gradient).all()
    assert float(KlToBase(reference)(loaded.model, batch, logits.detach())) > 1.0


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.kind)
@pytest.mark.parametrize("kind", ["llama", "t5"])
def test_what_was_kept_before_training_is_the_base(tiny: Callable[..., Path], kind: str, method: Any) -> None:
    loaded = load_model(ModelConfig(name=str(tiny(kind)), device="cpu", dtype="float32"))
    rows = Encoder(loaded.tokenizer, loaded.kind, 128).rows(EXAMPLES)
    kept = KlToKept(kept_distributions(loaded, untrained_reference(loaded), rows))
    tuned, reference, batch = moved(tiny(kind), method)
    with torch.no_grad():
        logits = completion_logits(tuned.model, batch)
        found = float(kept(tuned.model, batch, logits))
    p, q = (of.double().softmax(-1).numpy() for of in (reference.logits(batch), logits))
    expected = 0.0
    for one, other in zip(p, q, strict=True):
        likeliest = np.argsort(-one)[:LIKELIEST]
        both = [np.append(of[likeliest], 1 - of[likeliest].sum()) for of in (one, other)]
        expected += float(entropy(*both))
    assert expected > 0.01
    assert found == pytest.approx(expected, rel=1e-3)
    assert found <= float(KlToBase(reference)(tuned.model, batch, logits)) + 1e-4
