"""On-policy self-distillation: what the teacher reads, what the student learns, and that it learns it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from keeptune.config import MitigationConfig, TuneConfig
from keeptune.data.encode import Encoder
from keeptune.errors import ConfigError
from keeptune.events import silent
from keeptune.mitigation.apply import AppliedMitigations
from keeptune.mitigation.methods.sdft import SHOWN, demonstration
from keeptune.models.batch import make_batch
from keeptune.models.completion_logits import completion_logits
from keeptune.models.load import LoadedModel
from keeptune.records import EncodedRow, Example, Message
from keeptune.statistics import divergence
from tests.mitigation.talking import load


def mitigations(loaded: LoadedModel) -> AppliedMitigations:
    encoder = Encoder(loaded.tokenizer, loaded.kind, 256)
    return AppliedMitigations(TuneConfig(mitigation=MitigationConfig(extra=("sdft",))), encoder, 4096, silent)


def task_rows(loaded: LoadedModel, count: int = 6) -> list[EncodedRow]:
    examples = [Example(f"e{n}", (Message("user", f"say {n}"),), f"why {n}") for n in range(count)]
    return Encoder(loaded.tokenizer, loaded.kind, 256).rows(examples)


def test_the_teacher_reads_the_completion_in_the_users_turn(talking: Path) -> None:
    loaded = load(talking)
    row = task_rows(loaded)[3]
    prompt, completion = (loaded.tokenizer.decode(ids) for ids in (row.ids[: row.spans[0][0]], row.ids))
    assert completion.startswith(prompt)
    start, stop = row.spans[0]
    shown = loaded.tokenizer.decode(demonstration(loaded)(row.ids[:start], row.ids[start:stop]))
    before, after = prompt.split("say 3")
    assert shown == f"{before}say 3{SHOWN[0]}why 3{SHOWN[1]}{after}"


def test_the_student_learns_the_bases_distribution_on_its_own_answers(talking: Path) -> None:
    loaded = load(talking)
    loaded.model.requires_grad_(True)
    rows = task_rows(loaded)
    found = mitigations(loaded)
    source, objective = found.row_source(loaded, rows), found.objective(loaded, rows)
    assert source.epoch.rows == len(rows)
    drawn = source.next(0, loaded)
    assert drawn == source.next(0, loaded)
    assert drawn != source.next(1, loaded)
    assert {row.role for row in drawn} == {"base"}
    assert source.state() == {}
    of = {row.item_id: row for row in rows}
    longest = max(row.learned for row in rows)
    for row in drawn:
        start, stop = row.spans[0]
        assert row.ids[:start] == of[row.item_id].ids[: of[row.item_id].spans[0][0]]
        assert 0 < stop - start <= longest
    assert {row.item_id for batch in source.sample() for row in batch} == set(of)

    batch = make_batch(drawn, loaded.kind, loaded.tokenizer.pad_token_id, loaded.placement.device)
    loss = objective(loaded.model, batch, objective.counts(drawn))
    with torch.no_grad():
        student = completion_logits(loaded.model, batch)
        teacher = completion_logits(loaded.model, batch.for_teacher)
    expected = divergence.kl(teacher, student).mean()
    assert expected > 0
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4)
    with torch.no_grad():
        for parameter in loaded.model.parameters():
            parameter.mul_(1.01)
        moved = completion_logits(loaded.model, batch)
    again = objective(loaded.model, batch, objective.counts(drawn))
    assert again.item() == pytest.approx(divergence.kl(teacher, moved).mean().item(), rel=1e-4), "the teacher stays"


def test_replayed_rows_are_learned_beside_it(talking: Path) -> None:
    loaded = load(talking)
    rows = task_rows(loaded, 4)
    replayed = [EncodedRow("old", rows[0].ids, (), rows[0].spans, 0, "replay")]
    drawn = mitigations(loaded).row_source(loaded, [*rows, *replayed]).next(0, loaded)
    assert [row for row in drawn if row.role == "replay"] == replayed
    assert len(drawn) == 5


def test_an_encoder_is_refused(tiny: Callable[..., Path]) -> None:
    loaded = load(tiny("t5"))
    with pytest.raises(ConfigError, match="encoder"):
        mitigations(loaded).row_source(loaded, task_rows(loaded))
