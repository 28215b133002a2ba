"""What trackers are told of a run, and when."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from keeptune.api.tune import tune
from keeptune.bridges import trackers
from keeptune.bridges.trackers import tracked
from keeptune.config import DataConfig, Keep, MeasureConfig, TuneConfig
from keeptune.errors import ConfigError, MissingDependency
from keeptune.events import Event, Notice, RunStarted, StepDone, TrainingStarted, silent
from tests.api.runs import Told, settings, write_rows


class Tracker:
    """One in the place of accelerate's."""

    requires_logging_directory = False
    opened: ClassVar[list[Tracker]] = []

    def __init__(self, project: str, **given: Any) -> None:
        self.project, self.given = project, given
        self.settings: dict[str, Any] = {}
        self.logged: list[tuple[int, dict[str, float]]] = []
        self.finished = False
        self.main_process_only = True

    def start(self) -> None:
        assert not self.main_process_only
        self.opened.append(self)

    def store_init_configuration(self, values: dict[str, Any]) -> None:
        self.settings = values

    def log(self, values: dict[str, float], step: int) -> None:
        self.logged.append((step, values))

    def finish(self) -> None:
        self.finished = True


class Broken(Tracker):
    def log(self, values: dict[str, float], step: int) -> None:
        raise OSError("no network")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> list[Tracker]:
    """Every tracker is installed and of that kind; those that were opened."""
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS

    monkeypatch.setattr(trackers, "find_spec", lambda _: True)
    for name, kind in (("wandb", Tracker), ("trackio", Broken)):
        monkeypatch.setitem(LOGGER_TYPE_TO_CLASS, name, kind)
    monkeypatch.setattr(Tracker, "opened", [])
    return Tracker.opened


def told_of(told: Any, events: list[Event]) -> None:
    for event in events:
        told(event)


def step(number: int) -> StepDone:
    return StepDone(number, 3, 0.5, 2.0, 1e-4, 1.0, 100.0, 1.0)


STARTED = TrainingStarted(3, 0, 1.0, 10, 100)


def test_a_run_is_told_with_its_result_and_without_secrets(fake: list[Tracker], tiny, tmp_path: Path) -> None:
    write_rows(tmp_path)
    config = settings(tiny("llama"), tmp_path, "run", epochs=1.0)
    keep = (Keep("others", str(tmp_path / "kept.jsonl"), "token_loss"),)
    data = replace(config.data, system="Use token=abcdefgh12345678.")
    config = replace(config, data=data, measure=MeasureConfig(extent="quick", keep=keep, abilities=("none",)))
    with tracked("wandb", config, silent) as told:
        result = tune(config, told)
    (tracker,) = fake
    assert (tracker.project, tracker.given, tracker.finished) == ("keeptune", {"name": "run"}, True)
    assert tracker.settings["training.lr"] == 0.03
    assert "abcdefgh" not in json.dumps(tracker.settings)
    losses = [(at, values["train/loss"]) for at, values in tracker.logged if "train/loss" in values]
    assert [at for at, _ in losses] == list(range(1, len(losses) + 1))
    assert any("validation/loss" in values for _, values in tracker.logged)
    assert result.forgetting is not None
    (ability,) = result.forgetting.abilities
    last = tracker.logged[-1][1]
    assert last["forgetting/others/change"] == -ability.drop.estimate
    assert last["forgetting/others/verdict"] == {"kept": 1, "lost": -1}.get(ability.verdict, 0)
    assert last["task/rouge1/gain"] == result.comparisons[0].gain.estimate


def test_nothing_is_opened_before_the_training(fake: list[Tracker]) -> None:
    with tracked("wandb", TuneConfig(), silent) as told:
        told(RunStarted("runs/a"))
    assert fake == []


def test_steps_of_a_search_are_counted_on(fake: list[Tracker]) -> None:
    with tracked(["wandb"], TuneConfig(data=DataConfig()), silent) as told:
        told_of(told, [RunStarted("runs/a"), STARTED, step(1), step(2), STARTED, step(1)])
        told_of(told, [RunStarted("runs/a/inside"), TrainingStarted(3, 1, 1.0, 10, 100), step(2)])
    assert [at for at, _ in fake[0].logged] == [1, 2, 3, 4]


def test_a_tracker_that_fails_is_left_out_and_told(fake: list[Tracker]) -> None:
    heard = Told()
    with tracked("trackio,wandb", TuneConfig(), heard) as told:
        told_of(told, [RunStarted("runs/a"), STARTED, step(1), step(2)])
    assert [event.message for event in heard.of(Notice)] == ["trackio is told nothing from here on: no network"]
    assert [(len(tracker.logged), tracker.finished) for tracker in fake] == [(0, True), (2, True)]


@pytest.mark.parametrize("names", ["", "none", [], "None"])
def test_by_default_nobody_is_told(names: str | list[str]) -> None:
    with tracked(names, TuneConfig(), silent) as told:
        assert told is silent


def test_a_tracker_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trackers, "find_spec", lambda _: None)
    with pytest.raises(MissingDependency, match="wandb"), tracked("wandb", TuneConfig(), silent):
        pass
    with pytest.raises(ConfigError, match="did you mean tensorboard"), tracked("tensorbord", TuneConfig(), silent):
        pass


def test_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with tracked("tensorboard", TuneConfig(), silent) as told:
        told_of(told, [RunStarted(str(tmp_path)), STARTED, step(1), step(2)])
    written = EventAccumulator(str(tmp_path / "tensorboard"))
    written.Reload()
    assert [(each.step, each.value) for each in written.Scalars("train/loss")] == [(1, 2.0), (2, 2.0)]


def test_the_package_of_trackers_is_not_loaded_unasked() -> None:
    code = "import sys; from keeptune.bridges.trackers import tracked; sys.exit('accelerate' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
