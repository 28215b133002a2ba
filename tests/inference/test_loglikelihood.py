"""Log-likelihoods against ln softmax by hand, whatever the batch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from keeptune.config import ModelConfig
from keeptune.data.encode import Encoder
from keeptune.inference import loglikelihood
from keeptune.inference.loglikelihood import loglikelihoods, mean_loss
from keeptune.models.load import LoadedModel, load_model
from keeptune.records import EncodedRow, Example, Message

EXAMPLES = [
    Example("a", (Message("user", "Name a colour."),), "red"),
    Example("b", (Message("user", "?"),), "a rather long answer to a short question"),
    Example("c", (Message("user", "A long question. " * 6),), "no"),
    Example("d", (), "plain text without a prompt"),
]
CHOICES = ("yes", "no", "perhaps")


@pytest.fixture(params=["llama", "plain-llama", "gpt2", "t5"])
def asked(request: pytest.FixtureRequest, tiny: Callable[..., Path]) -> tuple[LoadedModel, list[EncodedRow]]:
    loaded = load_model(ModelConfig(name=str(tiny(request.param)), device="cpu", dtype="float32"))
    encoder = Encoder(loaded.tokenizer, loaded.kind, 512)
    rows = [encoder.scored_row(example, example.completion) for example in EXAMPLES]
    return loaded, rows + [encoder.scored_row(EXAMPLES[0], choice) for choice in CHOICES]


def by_hand(loaded: LoadedModel, row: EncodedRow) -> float:
    """One row, one whole forward pass, one term a learned token."""
    ids = torch.tensor([row.ids])
    with torch.no_grad():
        if loaded.kind == "encoder-decoder":
            inputs = torch.tensor([(0, *row.targets[:-1])])
            table = loaded.model(input_ids=ids, decoder_input_ids=inputs).logits[0].double().log_softmax(-1)
            return sum(float(table[at, token]) for at, token in enumerate(row.targets))
        table = loaded.model(input_ids=ids).logits[0].double().log_softmax(-1)
    start, stop = row.spans[0]
    return sum(float(table[at - 1, row.ids[at]]) for at in range(start, stop))


def test_against_log_softmax_by_hand(asked: tuple[LoadedModel, list[EncodedRow]]) -> None:
    loaded, rows = asked
    expected = [by_hand(loaded, row) for row in rows]
    assert loglikelihoods(loaded, rows, 1 << 20) == pytest.approx(expected, rel=1e-5)
    assert len({round(value, 3) for value in expected}) == len(rows)
    total = sum(row.learned for row in rows)
    assert mean_loss(loaded, rows, 1 << 20) == pytest.approx(-sum(expected) / total, rel=1e-5)


def test_batched_is_one_by_one(asked: tuple[LoadedModel, list[EncodedRow]], monkeypatch: pytest.MonkeyPatch) -> None:
    loaded, rows = asked
    single = [loglikelihoods(loaded, [row], 1 << 20)[0] for row in rows]
    told: list[int] = []
    assert loglikelihoods(loaded, rows, 100, told.append) == pytest.approx(single, rel=1e-5)
    assert told[-1] == len(rows)
    # Few logits at a time, too.
    monkeypatch.setattr(loglikelihood, "LOGIT_TOKENS", 8)
    assert loglikelihoods(loaded, rows, 1 << 20) == pytest.approx(single, rel=1e-5)
    assert loglikelihoods(loaded, rows[::-1], 1 << 20) == pytest.approx(single[::-1], rel=1e-5)


def test_the_end_token_counts(tiny: Callable[..., Path]) -> None:
    loaded = load_model(ModelConfig(name=str(tiny("llama")), device="cpu", dtype="float32"))
    row = Encoder(loaded.tokenizer, "causal", 512).scored_row(EXAMPLES[0], "red")
    assert row.learned == len("red") + 1
    # Every token of a model without weights is as likely as any other.
    for parameter in loaded.model.parameters():
        torch.nn.init.zeros_(parameter)
    vocabulary = loaded.model.config.vocab_size
    expected = -4 * float(torch.tensor(float(vocabulary)).log())
    assert loglikelihoods(loaded, [row], 100) == pytest.approx([expected], rel=1e-6)


def test_nothing_to_score(tiny: Callable[..., Path]) -> None:
    loaded = load_model(ModelConfig(name=str(tiny("llama")), device="cpu", dtype="float32"))
    assert loglikelihoods(loaded, [], 100) == []
    nothing = EncodedRow("e", (40, 41), (), (), 0)
    assert loglikelihoods(loaded, [nothing], 100) == [0.0]
