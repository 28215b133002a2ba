"""The search finds a planted best within the budget, is the same after a stop, and breaks off what is worse."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from keeptune.errors import TrainingError
from keeptune.events import Notice, silent
from keeptune.experiments.optuna_study import Measured, Report, Space, Study, report
from keeptune.records import HyperparameterSearchReport, SearchTrial

pytest.importorskip("optuna", reason="needs the extra search")
SPACE = Space(1e-3, 2.0, (1e-4, 1e-2), (1.0, 2.0, 4.0))
BEST_LR, BEST_EPOCHS = 4e-3, 4.0
TRIALS = 16


@dataclass
class Planted:
    """Trainings whose loss is least at a known place, and whose drift grows with the rate."""

    stop_at: int = -1
    asked: list[tuple[float, float]] = field(default_factory=list)
    broken_off: int = 0

    def __call__(self, lr: float, epochs: float, tell: Report, /) -> Measured | None:
        if len(self.asked) == self.stop_at:
            raise InterruptedError
        self.asked.append((lr, epochs))
        loss = 1 + math.log10(lr / BEST_LR) ** 2 + 0.1 * abs(math.log2(epochs / BEST_EPOCHS))
        for check in range(4):
            if tell(loss + 1 / (check + 1)):
                self.broken_off += 1
                return None
        return Measured(loss, 10 * lr, 1.0)


def searched(journal: Path, planted: Planted, max_drift: float = 1.0, seed: int = 0) -> HyperparameterSearchReport:
    return Study(SPACE, TRIALS, max_drift, seed, journal).search(planted, silent)


def test_it_finds_the_planted_best(tmp_path: Path) -> None:
    planted = Planted()
    found = searched(tmp_path / "j", planted)
    assert abs(math.log10(found.lr / BEST_LR)) < 0.15
    assert found.epochs == BEST_EPOCHS
    assert found.within
    assert planted.asked[0] == (SPACE.lr, SPACE.epochs), "the defaults are tried first"
    assert [(trial.lr, trial.epochs) for trial in found.trials] == planted.asked
    assert len(found.trials) == TRIALS
    assert planted.broken_off == sum(trial.loss is None for trial in found.trials) > 0
    assert "lowest validation loss" in found.reason


def test_a_budget_keeps_it_from_the_best(tmp_path: Path) -> None:
    found = searched(tmp_path / "j", Planted(), max_drift=0.01)
    assert found.within
    assert 5e-4 < found.lr <= 1e-3
    over = [trial for trial in found.trials if trial.drift is not None and trial.drift > 0.01]
    assert over, "some went too far"
    assert min(trial.loss for trial in over if trial.loss is not None) < found_loss(found)


def found_loss(found: HyperparameterSearchReport) -> float:
    return next(t.loss for t in found.trials if (t.lr, t.epochs) == (found.lr, found.epochs) and t.loss is not None)


def test_a_search_that_was_stopped_goes_on_to_the_same_end(tmp_path: Path) -> None:
    whole = searched(tmp_path / "whole", Planted())
    for stop_at in (0, 1, 7):
        journal = tmp_path / f"broken-{stop_at}"
        with pytest.raises(InterruptedError):
            searched(journal, Planted(stop_at))
        after = Planted()
        assert searched(journal, after) == whole
        assert len(after.asked) == TRIALS - stop_at


def test_a_search_that_has_ended_trains_no_more(tmp_path: Path) -> None:
    whole = searched(tmp_path / "j", Planted())
    assert searched(tmp_path / "j", Planted(stop_at=0)) == whole


def test_seeds_repeat_and_differ(tmp_path: Path) -> None:
    one, same, other = Planted(), Planted(), Planted()
    for name, planted, seed in (("a", one, 0), ("b", same, 0), ("c", other, 1)):
        searched(tmp_path / name, planted, seed=seed)
    assert one.asked == same.asked
    assert one.asked != other.asked
    assert one.asked[0] == other.asked[0]


def test_every_trial_is_told(tmp_path: Path) -> None:
    told: list[Any] = []
    Study(SPACE, 5, 0.01, 0, tmp_path / "j").search(Planted(), told.append)
    messages = [event.message for event in told if isinstance(event, Notice) and event.kind == "search"]
    assert [message.partition(":")[0] for message in messages] == [f"trial {n} of 5" for n in range(1, 6)]
    assert "lr 0.001, epochs 2: validation loss 1.462, drift 0.01" in messages[0]


def test_a_setting_that_is_given_is_not_searched(tmp_path: Path) -> None:
    planted = Planted()
    found = Study(Space(2e-3, 3.0, (2e-3, 2e-3), (3.0,)), 3, 1.0, 0, tmp_path / "j").search(planted, silent)
    assert set(planted.asked) == {(2e-3, 3.0)}
    assert (found.lr, found.epochs) == (2e-3, 3.0)


def trial(lr: float, loss: float | None, drift: float | None) -> SearchTrial:
    return SearchTrial(lr, 2.0, loss, drift, 1.0)


def test_the_choice() -> None:
    broken, low, middle, high = (
        trial(0.1, None, None),
        trial(1e-4, 3.0, 0.01),
        trial(1e-3, 2.0, 0.02),
        trial(1e-2, 1.0, 1.0),
    )
    assert report([broken, low, middle, high], 0.02).lr == 1e-3
    assert report([broken, low, middle, high], 2.0).lr == 1e-2
    least = report([broken, middle, low, high], 0.001)
    assert (least.lr, least.within) == (1e-4, False)
    assert "this one drifted least (0.01)" in least.reason
    with pytest.raises(TrainingError, match="no trial of the search finished"):
        report([broken], 0.02)
