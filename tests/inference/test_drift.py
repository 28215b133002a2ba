"""Drift by row against whole forward passes; the same model twice is exactly 0; other vocabularies are refused."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from keeptune.config import Adapter, ModelConfig
from keeptune.data.encode import Encoder
from keeptune.errors import ModelError
from keeptune.inference import drift
from keeptune.inference.drift import kl_by_row, kl_of_adapter
from keeptune.models.adapters import attach_adapter
from keeptune.models.load import LoadedModel, load_model
from keeptune.records import EncodedRow, Example, Message

EXAMPLES = [
    Example("a", (Message("user", "Name a colour."),), "red"),
    Example("b", (Message("user", "?"),), "a rather long answer to a short question"),
    Example("c", (Message("user", "A long question. " * 6),), "no"),
]


def load(folder: Path, *, tuned: bool = False) -> LoadedModel:
    loaded = load_model(ModelConfig(name=str(folder), device="cpu", dtype="float32"))
    torch.manual_seed(3)
    for parameter in loaded.model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.2)
    if tuned:
        for parameter in loaded.model.parameters():
            parameter.data += 0.02 * torch.randn_like(parameter)
    return loaded


def rows_of(loaded: LoadedModel) -> list[EncodedRow]:
    encoder = Encoder(loaded.tokenizer, loaded.kind, 512)
    rows = [encoder.scored_row(example, example.completion) for example in EXAMPLES]
    return [*rows, EncodedRow("nothing", (40, 41), (), (), 0)] if loaded.kind == "causal" else rows


def by_hand(base: LoadedModel, tuned: LoadedModel, row: EncodedRow) -> float:
    """Whole forward passes of one row, double precision."""

    def table(loaded: LoadedModel) -> torch.Tensor:
        ids = torch.tensor([row.ids])
        with torch.no_grad():
            if loaded.kind == "encoder-decoder":
                inputs = torch.tensor([(0, *row.targets[:-1])])
                return loaded.model(input_ids=ids, decoder_input_ids=inputs).logits[0].double().log_softmax(-1)
            start, stop = row.spans[0]
            return loaded.model(input_ids=ids).logits[0, start - 1 : stop - 1].double().log_softmax(-1)

    p, q = table(base), table(tuned)
    return float((p.exp() * (p - q)).sum())


@pytest.mark.parametrize("kind", ["llama", "gpt2", "t5"])
def test_by_row_against_whole_forward_passes(
    tiny: Callable[..., Path], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, tuned = load(tiny(kind)), load(tiny(kind), tuned=True)
    rows = rows_of(base)
    expected = [by_hand(base, tuned, row) if row.learned else 0.0 for row in rows]
    assert min(expected[:3]) > 1e-2
    told: list[int] = []
    found = kl_by_row(base, tuned, rows, 1 << 20, told.append)
    assert [tokens for _, tokens in found] == [row.learned for row in rows]
    assert [value for value, _ in found] == pytest.approx(expected, rel=1e-3, abs=1e-6)
    assert told[-1] == len(rows)
    # In other batches, in another order, with few logits at a time.
    monkeypatch.setattr(drift, "LOGIT_TOKENS", 8)
    again = kl_by_row(base, tuned, rows[::-1], 100)
    assert [value for value, _ in again[::-1]] == pytest.approx(expected, rel=1e-3, abs=1e-6)
    other_way = kl_by_row(tuned, base, rows, 1 << 20)
    assert [value for value, _ in other_way] != pytest.approx(expected, rel=1e-3, abs=1e-6)
    assert kl_by_row(base, tuned, [], 100) == []


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", ["llama", "gpt2", "t5"])
def test_the_same_model_twice_is_exactly_zero(tiny: Callable[..., Path], kind: str, dtype: str) -> None:
    one, other = (load_model(ModelConfig(name=str(tiny(kind)), device="cpu", dtype=dtype)) for _ in range(2))
    rows = rows_of(one)
    assert kl_by_row(one, other, rows, 1 << 20) == [(0.0, row.learned) for row in rows]


def test_an_adapter_against_its_own_base(tiny: Callable[..., Path]) -> None:
    base, tuned = load(tiny("llama")), load(tiny("llama"))
    rows = rows_of(base)
    attach_adapter(tuned, Adapter(rank=4, dropout=0.0), seed=0)
    tuned.model.eval()
    # A fresh adapter changes nothing.
    assert kl_of_adapter(tuned, rows, 1 << 20) == [(0.0, row.learned) for row in rows]
    for name, parameter in tuned.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    found = kl_of_adapter(tuned, rows, 1 << 20)
    assert found == kl_by_row(base, tuned, rows, 1 << 20)
    assert min(value for value, tokens in found if tokens) > 1e-3
    with pytest.raises(ModelError, match="has no adapter"):
        kl_of_adapter(base, rows, 100)


def test_other_vocabularies_are_refused_naming_both(tiny: Callable[..., Path], tmp_path: Path) -> None:
    base = load(tiny("llama"))
    with pytest.raises(ModelError, match="one is causal, the other encoder-decoder"):
        kl_by_row(base, load(tiny("t5")), [], 100)
    shutil.copytree(tiny("llama"), tmp_path / "renamed")
    renamed = load(tmp_path / "renamed")
    renamed.tokenizer = copy.deepcopy(renamed.tokenizer)
    renamed.tokenizer.add_tokens(["<new>"])
    with pytest.raises(ModelError, match="different tokens") as caught:
        kl_by_row(base, renamed, [], 100)
    assert base.found.name in str(caught.value)
    assert renamed.found.name in str(caught.value)
    padded = load(tiny("llama"))
    padded.model.resize_token_embeddings(270)
    with pytest.raises(ModelError, match="261 and 270 tokens"):
        kl_by_row(base, padded, [], 100)
