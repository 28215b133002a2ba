"""The base is bare: with its adapter disabled a model answers as if it had never had one, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from keeptune.config import Adapter, ModelConfig
from keeptune.data.encode import Encoder
from keeptune.events import silent
from keeptune.inference.drift import kl_by_row
from keeptune.inference.generate import generate
from keeptune.inference.loglikelihood import loglikelihoods
from keeptune.inference.shared_prefix import shared_loglikelihoods
from keeptune.models.adapters import attach_adapter
from keeptune.models.load import LoadedModel, load_model
from keeptune.models.weights import fold_adapter
from keeptune.records import EncodedRow, Example, Message

QUESTIONS = [f"Is {number} an even number, or is it odd?" for number in range(40, 52)]
CHOICES = ("even", "odd", "neither")


def load(folder: Path) -> LoadedModel:
    loaded = load_model(ModelConfig(name=str(folder), device="cpu", dtype="float32"))
    # Wide weights: answers that differ from one another.
    torch.manual_seed(5)
    for parameter in loaded.model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    return loaded


def with_adapter(folder: Path) -> LoadedModel:
    """The same weights under a LoRA adapter that changes every answer."""
    loaded = load(folder)
    attach_adapter(loaded, Adapter(rank=4, dropout=0.1), seed=0)
    for name, parameter in loaded.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    loaded.model.eval()
    return loaded


def rows_of(loaded: LoadedModel) -> list[EncodedRow]:
    encoder = Encoder(loaded.tokenizer, loaded.kind, 512)
    examples = [Example(str(at), (Message("user", text),), "") for at, text in enumerate(QUESTIONS)]
    return [encoder.scored_row(example, choice) for example in examples for choice in CHOICES]


def answers(loaded: LoadedModel, rows: list[EncodedRow]) -> dict[str, Any]:
    """All that is asked of a base."""
    prompts = list(dict.fromkeys(row.ids if row.targets else row.ids[: row.spans[0][0]] for row in rows))
    return {
        "likelihoods": loglikelihoods(loaded, rows, 1 << 20),
        "choices": shared_loglikelihoods(loaded, rows, 1 << 20, silent),
        "texts": generate(loaded, prompts, 10, 1 << 20),
    }


@pytest.mark.parametrize("kind", ["llama", "gpt2", "t5"])
def test_a_disabled_adapter_leaves_the_bare_base(tiny: Callable[..., Path], kind: str) -> None:
    bare, tuned = load(tiny(kind)), with_adapter(tiny(kind))
    rows = rows_of(bare)
    expected = answers(bare, rows)
    with tuned.model.disable_adapter():
        assert answers(tuned, rows) == expected
        assert kl_by_row(bare, tuned, rows, 1 << 20) == [(0.0, row.learned) for row in rows]
    # And the adapter is back, with answers of its own.
    changed = answers(tuned, rows)
    assert all(changed[what] != expected[what] for what in expected)
    assert min(value for value, _ in kl_by_row(bare, tuned, rows, 1 << 20)) > 1e-3


@pytest.mark.parametrize("kind", ["llama", "gpt2", "t5"])
def test_a_folded_adapter_is_no_base(tiny: Callable[..., Path], kind: str) -> None:
    bare, folded = load(tiny(kind)), with_adapter(tiny(kind))
    rows = rows_of(bare)
    adapted = loglikelihoods(folded, rows, 1 << 20)
    assert fold_adapter(folded)
    expected, changed = answers(bare, rows), answers(folded, rows)
    assert all(changed[what] != expected[what] for what in expected)
    assert changed["likelihoods"] == pytest.approx(adapted, rel=1e-4)
    assert min(value for value, _ in kl_by_row(bare, folded, rows, 1 << 20)) > 1e-3
