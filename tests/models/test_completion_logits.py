"""Logits at the completion tokens are those of the whole forward pass, at the positions before them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from keeptune.config import Adapter, ModelConfig
from keeptune.errors import ModelError
from keeptune.models.adapters import attach_adapter
from keeptune.models.batch import make_batch
from keeptune.models.completion_logits import completion_logits
from keeptune.models.load import LoadedModel, load_model
from keeptune.records import EncodedRow

CPU = torch.device("cpu")
CAUSAL = [
    EncodedRow("a", (10, 11, 12, 13, 14), (), ((3, 5),), 0),
    EncodedRow("b", (20, 21), (), ((1, 2),), 0),
    EncodedRow("c", (30, 31, 32, 33, 34, 35, 36), (), ((2, 3), (5, 7)), 0),
]
PAIRS = [
    EncodedRow("a", (10, 11, 12), (13, 14, 1), ((0, 3),), 0),
    EncodedRow("b", (20,), (21, 1), ((0, 2),), 0),
]


def load(folder: Path) -> LoadedModel:
    return load_model(ModelConfig(name=str(folder), device="cpu", dtype="float32"))


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
@pytest.mark.parametrize("adapter", [None, "lora", "prompt", "prefix"])
def test_decoder_only(tiny: Callable[..., Path], kind: str, adapter: str | None) -> None:
    loaded = load(tiny(kind))
    if adapter:
        attach_adapter(loaded, Adapter(kind=adapter, rank=3), seed=0)
    loaded.model.eval()
    batch = make_batch(CAUSAL, "causal", 0, CPU)
    assert batch.targets.tolist() == [13, 14, 21, 32, 35, 36]
    assert batch.tokens == 14
    with torch.no_grad():
        found = completion_logits(loaded.model, batch)
        expected = []
        for row in CAUSAL:
            logits = loaded.model(torch.tensor([row.ids])).logits[0][-len(row.ids) :]
            expected += [logits[at - 1] for start, stop in row.spans for at in range(start, stop)]
    assert torch.allclose(found, torch.stack(expected), atol=1e-5)


def test_encoder_decoder(tiny: Callable[..., Path]) -> None:
    loaded = load(tiny("t5"))
    batch = make_batch(PAIRS, "encoder-decoder", 0, CPU)
    with torch.no_grad():
        found = completion_logits(loaded.model, batch)
        expected = [
            loaded.model(torch.tensor([row.ids]), labels=torch.tensor([row.targets])).logits[0] for row in PAIRS
        ]
    assert batch.targets.tolist() == [13, 14, 1, 21, 1]
    assert torch.allclose(found, torch.cat(expected), atol=1e-5)


def test_the_hook_is_gone_afterwards_even_after_a_failure(tiny: Callable[..., Path]) -> None:
    loaded = load(tiny("llama"))
    batch = make_batch(CAUSAL, "causal", 0, CPU)
    completion_logits(loaded.model, batch)
    batch.inputs["input_ids"] = torch.full((3, 7), 9999)
    with pytest.raises(IndexError):
        completion_logits(loaded.model, batch)
    ids = torch.tensor([[10, 11, 12]])
    assert loaded.model(ids).logits.shape[:2] == (1, 3)


def test_a_model_without_an_output_embedding_is_refused() -> None:
    class Mute(torch.nn.Module):
        def get_output_embeddings(self) -> None:
            return None

    with pytest.raises(ModelError, match="no output embedding"):
        completion_logits(Mute(), make_batch(CAUSAL, "causal", 0, CPU))
