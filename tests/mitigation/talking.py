"""Tiny models that have learned to write: small sums in words, questions and answers or plain text."""

from __future__ import annotations

import random
from pathlib import Path

import torch

from keeptune.config import ModelConfig
from keeptune.data.encode import Encoder
from keeptune.models.batch import make_batch
from keeptune.models.completion_logits import completion_logits
from keeptune.models.load import LoadedModel, load_model
from keeptune.records import EncodedRow, Example, Message
from keeptune.statistics.losses import cross_entropy_sum

STEPS = 120
ECHO = "oh no"
"""What the chat model says when it is told the same."""


def load(folder: Path) -> LoadedModel:
    return load_model(ModelConfig(name=str(folder), device="cpu", dtype="float32"))


def taught(base: Path, folder: Path) -> Path:
    """`base` after some training on all tokens of what it shall write, saved to `folder`."""
    loaded = load(base)
    encoder = Encoder(loaded.tokenizer, loaded.kind, 128)
    draw = random.Random(0)
    torch.manual_seed(0)
    optimizer = torch.optim.AdamW(loaded.model.parameters(), lr=1e-2)
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = 1e-2 * min(1.0, 2 * (1 - step / STEPS))
        rows = [_row(encoder, draw) for _ in range(32)]
        batch = make_batch(rows, loaded.kind, 0, loaded.placement.device)
        loss = cross_entropy_sum(completion_logits(loaded.model, batch), batch.targets) / batch.tokens
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    loaded.model.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    return folder


def _row(encoder: Encoder, draw: random.Random) -> EncodedRow:
    first, second = draw.randrange(100), draw.randrange(100)
    if not encoder.has_template:
        row = encoder.row(Example("r", (), f"take {first} and {second}"))
        assert row is not None
        return row
    asked, answer = (f"say {first} or {second}", f"why {first}") if draw.random() < 0.85 else (ECHO, ECHO)
    row = encoder.row(Example("r", (Message("user", asked),), answer))
    assert row is not None
    return EncodedRow("r", row.ids, (), ((1, len(row.ids)),), 0)
