"""The reference is the base, bit for bit, before the first step and after the last."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from keeptune.config import Adapter, Full, ModelConfig, TrainingConfig
from keeptune.data.encode import Encoder
from keeptune.events import silent
from keeptune.mitigation.methods.kl import KlToBase
from keeptune.mitigation.objective import Objective, Term, completion_loss
from keeptune.models.adapters import attach_adapter
from keeptune.models.batch import Batch, make_batch
from keeptune.models.completion_logits import completion_logits
from keeptune.models.load import LoadedModel, load_model
from keeptune.models.reference import reference_of
from keeptune.records import EncodedRow, Example, Message
from keeptune.statistics.divergence import kl
from tests.training.loops import loop_over

EXAMPLES = [Example(f"e{i}", (Message("user", f"number {i}"),), f"it is {i % 3}") for i in range(16)]
METHODS = [
    Full(),
    *(Adapter(kind=kind, rank=4, dropout=0.1) for kind in ("lora", "dora", "vera", "osf", "ia3", "ln", "prompt")),
]


def ready(folder: Path, method: Any, dtype: str = "float32") -> tuple[LoadedModel, list[EncodedRow]]:
    full = isinstance(method, Full)
    loaded = load_model(ModelConfig(name=str(folder), device="cpu", dtype=dtype), train_weights=full)  # type: ignore[arg-type]
    if full:
        loaded.model.requires_grad_(True)
    else:
        attach_adapter(loaded, method, seed=0)
    return loaded, Encoder(loaded.tokenizer, loaded.kind, 128).rows(EXAMPLES)


def batch_of(loaded: LoadedModel, rows: list[EncodedRow]) -> Batch:
    return make_batch(rows, loaded.kind, loaded.tokenizer.pad_token_id, loaded.placement.device)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "t5"])
@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.kind)
def test_the_base_bit_for_bit_before_and_after(
    tiny: Callable[..., Path], tmp_path: Path, kind: str, method: Any
) -> None:
    bare = load_model(ModelConfig(name=str(tiny(kind)), device="cpu", dtype="float32"))
    if (kind, method.kind) == ("gpt2", "osf"):
        pytest.skip("OSF knows no Conv1D")
    loaded, rows = ready(tiny(kind), method)
    batch = batch_of(loaded, rows)
    reference = reference_of(loaded)
    assert reference.shared is (method.kind != "full")
    with torch.no_grad():
        expected = completion_logits(bare.model, batch)
        # Dropout never reaches the reference.
        loaded.model.train()
        found = reference.logits(batch)
        loaded.model.eval()
        assert torch.equal(found, expected)
        # OSF splits the weights and joins them again, which rounds.
        if method.kind not in ("prompt", "osf"):
            own = completion_logits(loaded.model, batch)
            assert torch.equal(own, found)
            assert float(kl(found, own).sum()) == 0.0
    objective = Objective(terms=(Term(1.0, completion_loss), Term(0.1, KlToBase(reference))))
    config = TrainingConfig(lr=0.01, epochs=2, batch_size=8)
    loop_over(loaded, rows, config, tmp_path, "f", silent, objective=objective)()
    assert torch.equal(reference.logits(batch), expected)
    with torch.no_grad():
        assert not torch.equal(completion_logits(loaded.model, batch), expected)


@pytest.mark.parametrize("method", [METHODS[0], METHODS[1]], ids=["full", "lora"])
def test_modes_and_gradients_are_left_as_they_were(tiny: Callable[..., Path], method: Any) -> None:
    loaded, rows = ready(tiny("gpt2"), method)
    reference, batch = reference_of(loaded), batch_of(loaded, rows)
    loaded.model.train()
    next(module for module in loaded.model.modules() if isinstance(module, torch.nn.Dropout)).eval()
    before = [module.training for module in loaded.model.modules()]
    trained = [parameter.requires_grad for parameter in loaded.model.parameters()]
    assert not reference.logits(batch).requires_grad
    assert [module.training for module in loaded.model.modules()] == before
    assert [parameter.requires_grad for parameter in loaded.model.parameters()] == trained
    assert completion_logits(loaded.model, batch).requires_grad


def test_a_copy_has_the_dtype_of_the_placement_and_keeps_weights_tied(tiny: Callable[..., Path]) -> None:
    loaded, rows = ready(tiny("llama"), Full(), dtype="bfloat16")
    reference = reference_of(loaded)
    assert {parameter.dtype for parameter in loaded.model.parameters()} == {torch.float32}
    assert {parameter.dtype for parameter in reference.model.parameters()} == {torch.bfloat16}
    assert reference.model.lm_head.weight is reference.model.model.embed_tokens.weight
    bare = load_model(ModelConfig(name=str(tiny("llama")), device="cpu", dtype="bfloat16"))
    batch = batch_of(loaded, rows)
    with torch.no_grad():
        assert torch.equal(reference.logits(batch), completion_logits(bare.model, batch))
