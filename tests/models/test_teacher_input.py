"""A teacher may read other tokens before those to learn: its logits are of the same targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from keeptune.config import ModelConfig
from keeptune.models.batch import make_batch
from keeptune.models.completion_logits import completion_logits
from keeptune.models.load import load_model
from keeptune.models.reference import reference_of
from keeptune.records import EncodedRow, TeacherInput

HINTED = EncodedRow("a", (5, 6, 7, 8), (), ((2, 4),), 0, "base", TeacherInput((9, 9, 5, 6, 7, 8), (), ((4, 6),)))
PLAIN = EncodedRow("b", (5, 6, 7), (), ((1, 3),), 0, "base")
OTHER = EncodedRow("c", (5, 6, 7, 9), (), ((1, 4),), 0, "task")


def test_the_teacher_reads_its_own_input(tiny: Callable[..., Path]) -> None:
    loaded = load_model(ModelConfig(name=str(tiny("llama")), device="cpu", dtype="float32"))
    pad, device = loaded.tokenizer.pad_token_id, loaded.placement.device
    reference = reference_of(loaded)

    def logits(*rows: EncodedRow) -> torch.Tensor:
        return reference.logits(make_batch(rows, loaded.kind, pad, device))

    found, hinted = logits(HINTED, PLAIN), EncodedRow("a", (9, 9, 5, 6, 7, 8), (), ((4, 6),), 0)
    assert torch.allclose(found, torch.cat([logits(hinted), logits(PLAIN)]), atol=1e-5)
    batch = make_batch([HINTED, PLAIN], loaded.kind, pad, device)
    with torch.no_grad():
        own = completion_logits(loaded.model, batch)
    assert not torch.allclose(own[:2], found[:2], atol=1e-3)
    assert torch.equal(batch.targets, batch.for_teacher.targets)
    # Of some roles alone, the teacher's part goes with the student's.
    part, places = make_batch([HINTED, OTHER, PLAIN], loaded.kind, pad, device).of_roles(frozenset({"base"}))
    assert part is not None
    assert places is not None
    assert torch.allclose(reference.logits(part), found, atol=1e-5)


def test_without_teacher_input_nothing_is_made_twice() -> None:
    batch = make_batch([PLAIN, OTHER], "causal", 0, torch.device("cpu"))
    assert batch.for_teacher is batch


def test_other_tokens_to_learn_are_refused() -> None:
    with pytest.raises(ValueError, match="other tokens to learn"):
        replace(HINTED, teacher=TeacherInput((9, 5, 6, 7, 9), (), ((3, 5),)))
