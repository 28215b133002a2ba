"""When a look is due, and how many are planned."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from keeptune.bridges.look_times import Looks, read_look_times
from keeptune.errors import ConfigError, StoreError
from keeptune.workspace.workspace import Workspace

ROUNDS = {"max_steps": 10, "eval_steps": 3, "num_train_epochs": 5}


def due(every: int | str, at: str, evaluations: str = "no") -> list[int]:
    """The steps of a run of 10, two an epoch, after which a look is due."""
    times = read_look_times(every)
    assert times is not None
    args = SimpleNamespace(eval_strategy=evaluations)
    states = [SimpleNamespace(global_step=step, epoch=step / 2, **ROUNDS) for step in range(1, 11)]
    ends = {"step": 1, "epoch": 2, "evaluation": 3 if evaluations == "steps" else 2}[at]
    found = [s.global_step for s in states if s.global_step % ends == 0 and times.due(at, args, s)]
    assert len(found) <= times.planned(args, states[0])
    return found


def test_looks_come_before_the_last_step() -> None:
    assert due(4, "step") == due("4 steps", "step") == [4, 8]
    assert due(5, "step") == [5]
    assert due("epoch", "epoch") == due("1 epoch", "epoch") == [2, 4, 6, 8]
    assert due("2 epochs", "epoch") == [4, 8]
    assert due("evaluation", "evaluation", "steps") == [3, 6, 9]
    assert due("2 evaluations", "evaluation", "steps") == [6]
    assert due("evaluation", "evaluation", "epoch") == [2, 4, 6, 8]
    assert due(4, "epoch") == due("epoch", "step") == []


@pytest.mark.parametrize("every", [0, -1, "0 steps", "now", "3", "two epochs", "", True])
def test_another_form_is_refused(every: int | str) -> None:
    with pytest.raises(ConfigError, match="every is"):
        read_look_times(every)


def test_what_the_trainer_does_not_count_is_refused() -> None:
    endless = SimpleNamespace(max_steps=10, eval_steps=3, num_train_epochs=sys.maxsize)
    for every, evaluations in (("evaluation", "no"), ("epoch", "no"), ("evaluation", "epoch")):
        times = read_look_times(every)
        assert times is not None
        with pytest.raises(ConfigError):
            times.planned(SimpleNamespace(eval_strategy=evaluations), endless)


def test_no_more_looks_than_planned_and_one_a_step_also_when_resumed(tmp_path: Path) -> None:
    looks = Looks(Workspace(tmp_path), 2)
    looks.write()
    assert looks.left(3)
    looks.take(3)
    assert not looks.left(3)
    resumed = Looks(Workspace(tmp_path), 2)
    resumed.resume()
    assert not resumed.left(3)
    assert resumed.left(6)
    resumed.take(6)
    assert not resumed.left(9)
    with pytest.raises(StoreError, match="looks before the last were 2, and are 4 now"):
        Looks(Workspace(tmp_path), 4).resume()
