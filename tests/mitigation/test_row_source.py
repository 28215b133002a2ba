"""Where rows come from: planned ones, several sources together, and rows that the student writes while it learns."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from keeptune.config import Adapter, Full, TrainingConfig
from keeptune.data.batching import plan_epoch
from keeptune.events import CheckpointSaved, Event, StepDone, silent
from keeptune.inference.base_text import draw
from keeptune.mitigation.methods.kl import KlToBase
from keeptune.mitigation.objective import Objective, Term, completion_loss
from keeptune.mitigation.row_source import Epoch, FixedRows, JoinedRows
from keeptune.models.load import LoadedModel
from keeptune.models.reference import reference_of
from keeptune.records import EncodedRow, TeacherInput, from_plain, to_plain
from keeptune.training.checkpoint import LoopState
from keeptune.training.loop import Loop
from keeptune.workspace.workspace import Workspace
from tests.training.test_loop import ready, settings, weights

HINT = (40, 41, 42)
"""Read by the teacher alone."""
STEPS = 8


@dataclasses.dataclass
class StudentRows:
    """On-policy distillation: every few steps the student answers the prompts, and learns what the base, which reads
    a hint besides, makes of its answers (Agarwal et al. 2024, arXiv:2306.13649)."""

    prompts: Sequence[tuple[int, ...]]
    seed: int
    every: int = 3
    drawn: tuple[EncodedRow, ...] = ()
    asked_at: list[int] = dataclasses.field(default_factory=list)

    @property
    def epoch(self) -> Epoch:
        return Epoch(STEPS, 2 * STEPS, 30 * STEPS)

    def sample(self) -> list[list[EncodedRow]]:
        return [[self._row(prompt, (50, 51, 52, 53)) for prompt in self.prompts]]

    def next(self, step: int, loaded: LoadedModel) -> Sequence[EncodedRow]:
        if step % self.every == 0:
            self.asked_at.append(step)
            loaded.model.eval()
            generator = torch.Generator().manual_seed(1000 * self.seed + step)
            answers = draw(loaded, list(self.prompts), 6, generator)
            self.drawn = tuple(map(self._row, self.prompts, answers))
        return self.drawn

    def state(self) -> dict[str, Any]:
        return {"drawn": to_plain(self.drawn)}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.drawn = from_plain(tuple[EncodedRow, ...], state["drawn"])

    def _row(self, prompt: tuple[int, ...], answer: tuple[int, ...]) -> EncodedRow:
        ids = prompt + answer
        teacher = TeacherInput(HINT + ids, (), ((len(HINT) + len(prompt), len(HINT) + len(ids)),))
        return EncodedRow("student", ids, (), ((len(prompt), len(ids)),), 0, "base", teacher)


def test_fixed_rows_come_in_the_plan_of_their_epochs() -> None:
    rows = [EncodedRow(str(n), tuple(range(n % 7 + 2)), (), ((1, 2),), 0) for n in range(21)]
    source, model = FixedRows(rows, 4, seed=5), object()
    assert source.epoch == Epoch(6, 21, sum(row.length for row in rows))
    lengths = [row.length for row in rows]
    planned = [[rows[at] for at in batch] for epoch in (0, 1) for batch in plan_epoch(lengths, 4, 5, epoch)]
    assert [source.next(step, model) for step in range(12)] == planned  # type: ignore[arg-type]
    assert source.sample() == planned[:6]
    assert FixedRows(rows, 4, seed=5).next(9, model) == planned[9]  # type: ignore[arg-type]
    assert source.state() == {}


def mixed(loaded: LoadedModel, rows: Sequence[EncodedRow], config: TrainingConfig) -> tuple[JoinedRows, StudentRows]:
    """The task's own rows, and beside them in each step what the student writes."""
    student = StudentRows([row.ids[: row.spans[0][0]] for row in rows[:2]], config.seed)
    return JoinedRows((FixedRows(rows, config.batch_size, config.seed), student)), student


def test_a_joined_epoch_is_that_of_the_first() -> None:
    rows = [EncodedRow(str(n), (1, 2, 3), (), ((1, 3),), 0) for n in range(8)]
    both = JoinedRows((FixedRows(rows, 2, 0), FixedRows(rows[:2], 1, 0)))
    assert both.epoch == Epoch(4, 8 + 4, 24 + 12)
    of_base = [dataclasses.replace(row, role="base") for row in rows[:2]]
    beside = JoinedRows((FixedRows(rows, 2, 0), FixedRows(of_base, 1, 0)))
    assert beside.epoch == Epoch(4, 8, 24 + 12), "the base's text is no row of the epoch"
    assert [len(batch) for batch in both.sample()] == [3] * 4
    assert both.state() == {}


def run(
    folder: Path, output: Path, method: Any, observer: Any, **changes: Any
) -> tuple[LoadedModel, LoopState, StudentRows]:
    loaded, rows = ready(folder, method, 32)
    config = settings(epochs=2.0, checkpoint_minutes=0.0, seed=2, **changes)
    source, student = mixed(loaded, rows, config)
    terms = (Term(1.0, completion_loss), Term(0.5, KlToBase(reference_of(loaded)), frozenset({"base"})))
    state = Loop(loaded, source, config, Workspace(output), "f", observer, objective=Objective(terms))()
    return loaded, state, student


@pytest.mark.parametrize("method", [Full(), Adapter(rank=4, dropout=0.2)], ids=["full", "lora"])
@pytest.mark.parametrize("stop_after", [3, 5])
def test_a_source_that_asks_the_model_goes_on_to_equal_weights(
    tiny: Callable[..., Path], tmp_path: Path, method: Any, stop_after: int
) -> None:
    whole, state, student = run(tiny("llama"), tmp_path / "whole", method, silent)
    assert (state.step, student.asked_at) == (STEPS, [0, 3, 6])

    def stop(event: Event, /) -> None:
        if isinstance(event, CheckpointSaved) and event.step == stop_after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tiny("llama"), tmp_path / "broken", method, stop)
    assert (Workspace(tmp_path / "broken").checkpoints()[-1][1] / "row_source.json").exists()
    resumed, again, went_on = run(tiny("llama"), tmp_path / "broken", method, silent)
    assert went_on.asked_at == [step for step in (0, 3, 6) if step >= stop_after]
    assert went_on.drawn == student.drawn
    assert again.loss_curve == state.loss_curve
    expected = weights(whole)
    assert all(torch.equal(tensor, expected[name]) for name, tensor in weights(resumed).items())


def test_what_the_student_writes_changes_as_it_learns(tiny: Callable[..., Path], tmp_path: Path) -> None:
    kept = [run(tiny("llama"), tmp_path / str(lr), Full(), silent, lr=lr)[2].drawn for lr in (0.0, 0.05)]
    assert kept[0] != kept[1]


def test_the_steps_see_the_mode_of_training_whatever_the_source_left(tiny: Callable[..., Path], tmp_path: Path) -> None:
    student = StudentRows([(5, 6), (7, 8)], seed=0)
    loaded, _ = ready(tiny("llama"), Full())
    asked: list[bool] = []
    loaded.model.register_forward_pre_hook(lambda module, _: asked.append(module.training))
    steps: list[bool] = []

    def hear(event: Event, /) -> None:
        if isinstance(event, StepDone):
            steps.append(asked[-1])

    terms = (Term(1.0, completion_loss, frozenset({"base"})),)
    Loop(loaded, student, settings(epochs=1.0), Workspace(tmp_path), "f", hear, objective=Objective(terms))()
    assert steps == [True] * STEPS
    assert False in asked
