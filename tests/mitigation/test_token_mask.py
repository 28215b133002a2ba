"""Masked tokens are those that the base finds improbable, one by one; all else stays."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from keeptune.config import ModelConfig
from keeptune.data.encode import Encoder
from keeptune.errors import TrainingError
from keeptune.inference.loglikelihood import loglikelihoods_by_token
from keeptune.mitigation.token_mask import mask_improbable
from keeptune.models.batch import make_batch
from keeptune.models.load import LoadedModel, load_model
from keeptune.records import EncodedRow, Example, Message

EXAMPLES = [Example(f"e{i}", (Message("user", f"number {i}"),), f"it is {i}, or {2 * i}") for i in range(8)]


def ready(folder: Path) -> tuple[LoadedModel, list[EncodedRow]]:
    loaded = load_model(ModelConfig(name=str(folder), device="cpu", dtype="float32"))
    torch.manual_seed(2)
    for parameter in loaded.model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    return loaded, Encoder(loaded.tokenizer, loaded.kind, 128).rows(EXAMPLES)


def positions(row: EncodedRow) -> list[int]:
    return [position for start, stop in row.spans for position in range(start, stop)]


@pytest.mark.parametrize("kind", ["llama", "t5"])
def test_each_token_is_judged_alone(tiny: Callable[..., Path], kind: str) -> None:
    loaded, rows = ready(tiny(kind))
    # A row of two turns: what lies between its spans is never learned.
    (start, stop), *_ = rows[0].spans
    rows[0] = dataclasses.replace(rows[0], spans=((start, start + 3), (start + 5, stop)))
    values = loglikelihoods_by_token(loaded, rows, 1 << 20)
    threshold = math.exp(-float(torch.cat(values).median()))
    found = mask_improbable(loaded, rows, 200, threshold)
    expected = {
        row.item_id: [
            at
            for at, value in zip(positions(row), tokens.tolist(), strict=True)
            if -value <= math.log(threshold) + 1e-6
        ]
        for row, tokens in zip(rows, values, strict=True)
    }
    assert {row.item_id: positions(row) for row in found.rows} == {name: at for name, at in expected.items() if at}
    assert found.tokens == sum(row.learned for row in rows)
    assert found.masked == found.tokens - sum(row.learned for row in found.rows)
    assert 0 < found.masked < found.tokens
    for row, before in ((row, next(r for r in rows if r.item_id == row.item_id)) for row in found.rows):
        assert dataclasses.replace(row, spans=before.spans) == before
        # Spans are in order, apart and not empty.
        assert all(a < b for a, b in row.spans)
        assert all(one[1] < other[0] for one, other in zip(row.spans, row.spans[1:], strict=False))
    batch = make_batch(found.rows, loaded.kind, loaded.tokenizer.pad_token_id, torch.device("cpu"))
    sides = [row.targets or row.ids for row in found.rows]
    assert batch.targets.tolist() == [
        side[at] for side, row in zip(sides, found.rows, strict=True) for at in positions(row)
    ]


def test_rows_without_a_token_are_dropped_and_others_are_left_alone(tiny: Callable[..., Path]) -> None:
    loaded, rows = ready(tiny("llama"))
    rows = [
        *rows,
        *(dataclasses.replace(row, role="replay") for row in rows[:2]),
        dataclasses.replace(rows[0], role="base"),
    ]
    best = [float(values.max()) for values in loglikelihoods_by_token(loaded, rows[:8], 1 << 20)]
    found = mask_improbable(loaded, rows, 1 << 20, math.exp(-sorted(best)[-3]) * (1 + 1e-6))
    assert found.dropped == 5
    assert sum(row.role == "task" for row in found.rows) == 3
    assert found.rows[3:] == tuple(rows[8:])
    assert found.masked + sum(row.learned for row in found.rows[:3]) == found.tokens == sum(r.learned for r in rows[:8])
    everything = mask_improbable(loaded, rows, 1 << 20, 1e30)
    assert (everything.rows, everything.masked, everything.dropped) == (tuple(rows), 0, 0)


def test_nothing_left_is_said(tiny: Callable[..., Path]) -> None:
    loaded, rows = ready(tiny("llama"))
    with pytest.raises(TrainingError, match=r"every completion token improbable \(perplexity above 1\)") as caught:
        mask_improbable(loaded, rows, 1 << 20, 1.0)
    assert "--token-weights" in caught.value.fix
