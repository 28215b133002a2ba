"""Our training step against the plain transformers loss on the same batch: equal to float32 rounding."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from keeptune.config import Adapter, ModelConfig
from keeptune.data.encode import Encoder
from keeptune.mitigation.objective import Objective
from keeptune.models.adapters import attach_adapter
from keeptune.models.batch import make_batch
from keeptune.models.load import LoadedModel, load_model
from keeptune.records import EncodedRow, Example, Message

TEXTS = [
    ("Summarize: a b c", "abc"),
    ("Summarize: the quick brown fox jumps over the lazy dog and then some more", "fox"),
    ("?", "a much longer answer than the question was"),
    ("Name the capital of France.", "Paris"),
]


def examples() -> list[Example]:
    return [Example(f"e{i}", (Message("user", p),), c, (c,)) for i, (p, c) in enumerate(TEXTS)]


def load(folder, method: str) -> tuple[LoadedModel, list[EncodedRow]]:
    loaded = load_model(ModelConfig(name=str(folder), dtype="float32", device="cpu"))
    if method == "full":
        for parameter in loaded.model.parameters():
            parameter.requires_grad_(True)
    else:
        attach_adapter(loaded, Adapter(rank=4, dropout=0.0), seed=0)
        # B starts at zero, which would hide A's gradient.
        for name, parameter in loaded.model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.02)
    loaded.model.eval()
    encoder = Encoder(loaded.tokenizer, loaded.kind, 512)
    return loaded, encoder.rows(examples())


def gradients(model) -> dict[str, torch.Tensor]:
    found = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    return found


def ours(loaded: LoadedModel, parts: list[list[EncodedRow]]) -> tuple[float, dict[str, torch.Tensor]]:
    """The loop's arithmetic: each part's summed loss over the step's count of learned tokens."""
    learned = sum(row.learned for part in parts for row in part)
    total = 0.0
    for part in parts:
        batch = make_batch(part, loaded.kind, loaded.tokenizer.pad_token_id, torch.device("cpu"))
        loss = Objective()(loaded.model, batch, [learned])
        loss.backward()
        total += loss.item()
    return total, gradients(loaded.model)


def plain(loaded: LoadedModel, rows: list[EncodedRow]) -> tuple[float, dict[str, torch.Tensor]]:
    """transformers alone: padded rows, an attention mask, labels of −100 outside the completion."""
    pad = loaded.tokenizer.pad_token_id

    def padded(sequences, fill):
        longest = max(len(s) for s in sequences)
        return torch.tensor([[*s, *[fill] * (longest - len(s))] for s in sequences])

    ids = padded([row.ids for row in rows], pad)
    mask = padded([[1] * len(row.ids) for row in rows], 0)
    if loaded.kind == "encoder-decoder":
        labels = padded([row.targets for row in rows], -100)
    else:
        labels = padded([[-100] * row.spans[0][0] + list(row.ids[row.spans[0][0] :]) for row in rows], -100)
    loss = loaded.model(input_ids=ids, attention_mask=mask, labels=labels).loss
    loss.backward()
    return loss.item(), gradients(loaded.model)


def assert_equal(mine, theirs) -> None:
    assert mine[0] == pytest.approx(theirs[0], rel=1e-5)
    assert mine[1].keys() == theirs[1].keys()
    for name, gradient in theirs[1].items():
        scale = gradient.abs().max().clamp(min=1e-6)
        assert torch.allclose(mine[1][name], gradient, rtol=1e-4, atol=float(scale) * 1e-5), name


@pytest.mark.parametrize("method", ["full", "lora"])
@pytest.mark.parametrize("kind", ["llama", "plain-llama", "gpt2", "t5"])
def test_batched_and_one_by_one_equal_plain_transformers(tiny, kind: str, method: str) -> None:
    loaded, rows = load(tiny(kind), method)
    theirs = plain(loaded, rows)
    assert theirs[1], "no gradient at all"
    assert_equal(ours(loaded, [rows]), theirs)
    assert_equal(ours(loaded, [[row] for row in rows]), theirs)
    assert_equal(ours(loaded, [rows[:1], rows[1:]]), theirs)


@pytest.mark.parametrize("shift", [-1, 1])
@pytest.mark.parametrize("kind", ["llama", "t5"])
def test_a_mask_shifted_by_one_token_is_noticed(tiny, kind: str, shift: int) -> None:
    loaded, rows = load(tiny(kind), "lora")
    theirs = plain(loaded, rows)
    # A target span of T5 starts at 0 and ends with the row: shifted inside, it loses a token.
    shifted = [
        dataclasses.replace(
            row,
            spans=tuple((max(a + shift, 0), min(b + shift, len(row.targets or row.ids))) for a, b in row.spans),
        )
        for row in rows
    ]
    with pytest.raises(AssertionError):
        assert_equal(ours(loaded, [shifted]), theirs)


def test_soft_prompts_do_not_shift_the_mask(tiny) -> None:
    loaded = load_model(ModelConfig(name=str(tiny("llama")), dtype="float32", device="cpu"))
    attach_adapter(loaded, Adapter(kind="prompt", rank=5), seed=0)
    loaded.model.eval()
    rows = Encoder(loaded.tokenizer, loaded.kind, 512).rows(examples())
    assert_equal(ours(loaded, [rows]), plain(loaded, rows))
