"""The sentences of a comparison: how many seeds they speak of, and which way the numbers point."""

from __future__ import annotations

import pytest

from keeptune.experiments.compare import _sentences
from keeptune.experiments.compare_methods import Forgetting, dominates, forgetting_of, matched
from keeptune.records import MethodRow, Undefined
from tests.experiments.planted_methods import measured, task


def sentences(gains: dict[str, float], drops: dict[str, float], seeds: int, **settings: object) -> tuple[str, ...]:
    of_task, lost = task(gains, seeds=seeds, **settings), forgetting_of([measured("ner", drops, seeds=seeds)])
    assert isinstance(lost, Forgetting)
    none = Undefined("none")
    rows = [
        MethodRow(
            method, tuple(range(seeds)), 0.0, of_task.interval(method), none, "", (), {}, 0.0,
            tuple(other for other in gains if other != method and dominates(other, method, of_task, lost)), True,
        )
        for method in gains
    ]  # fmt: skip
    return _sentences(of_task, lost, rows, matched(of_task))


GAINS, DROPS = {"full": 20.0, "lora": 19.5}, {"full": 30.0, "lora": 1.0}


def test_one_seed_speaks_of_this_checkpoint_only() -> None:
    said = sentences(GAINS, DROPS, seeds=1)
    assert said[0].startswith("full gained most with one seed: ")
    assert "these checkpoints only" in said[1]
    assert "--seeds 0,1,2" in said[1]
    assert "significantly" not in " ".join(said).lower()


def test_two_seeds_are_too_few() -> None:
    said = " ".join(sentences(GAINS, DROPS, seeds=2, by_seed=0.01))
    assert "Two seeds are too few" in said
    assert "significantly" not in said.lower()


def test_three_seeds_speak_of_the_method() -> None:
    said = " ".join(sentences(GAINS, DROPS, seeds=3))
    assert "lora forgot least: ner, by −1.0 points" in said or "lora forgot least: ner, −1.0 points" in said
    assert "significantly less than full" in said
    assert "checkpoint" not in said


@pytest.mark.parametrize("seeds", [1, 3])
def test_gains_that_are_near_are_not_called_equal(seeds: int) -> None:
    said = " ".join(sentences(GAINS, DROPS, seeds=seeds))
    assert "came out within 2.0 points of the largest (full, lora)" in said
    assert "matched" not in said
