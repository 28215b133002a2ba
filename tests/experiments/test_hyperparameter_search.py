"""`tune --hyperparameter-search` on a tiny model: a default rate that learns nothing is replaced by one that learns."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keeptune.api.tune import tune
from keeptune.config import DataConfig, Full, Keep, MeasureConfig, MitigationConfig, MitigationSearchConfig, TuneConfig
from keeptune.errors import ConfigError
from keeptune.events import Notice, TrainingStarted
from keeptune.experiments import hyperparameter_search as module
from keeptune.experiments.hyperparameter_search import with_found_settings
from keeptune.records import HyperparameterSearchReport, from_plain
from keeptune.training.session import Session
from keeptune.workspace.workspace import Workspace
from tests.api.runs import Told, settings, write_rows

pytest.importorskip("optuna", reason="needs the extra search")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("searched")
    write_rows(path)
    return path


@pytest.fixture(autouse=True)
def _few_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TEXTS", 4)
    monkeypatch.setattr(module, "TEXT_TOKENS", 16)


def config(tiny: Callable[..., Path], folder: Path, output: Path, **training: Any) -> TuneConfig:
    """Everything but the rate is given: the best of the span is known to be its upper part."""
    found = settings(
        tiny("llama"), folder, str(output), **{"hyperparameter_search": 4, "lr": None, "max_drift": 50.0} | training
    )
    return replace(found, data=replace(found.data, limit_test=2, validation_fraction=0.25))


@pytest.fixture(scope="module")
def found(tiny: Callable[..., Path], folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Told]:
    run, told = tmp_path_factory.mktemp("run") / "run", Told()
    with pytest.MonkeyPatch.context() as patch:
        # So low that a model at random learns nothing: the best of the span is at its upper end.
        patch.setattr(module, "default_lr", lambda method, parameters: 1e-3)
        patch.setattr(module, "TEXTS", 4)
        tune(config(tiny, folder, run), told)
    return run, told


def of_run(run: Path) -> HyperparameterSearchReport:
    return from_plain(HyperparameterSearchReport, json.loads((run / "hyperparameter_search.json").read_text()))


def test_the_better_rate_is_found_and_taken(found: tuple[Path, Told]) -> None:
    run, told = found
    report = of_run(run)
    assert report.trials[0].lr == 1e-3
    losses = [trial.loss for trial in report.trials if trial.loss is not None]
    best = min(report.trials, key=lambda trial: trial.loss or 1e9)
    assert report.lr == best.lr > 1e-3, "this model learns little at the default rate"
    assert report.trials[0].loss is not None
    assert min(losses) < report.trials[0].loss
    kept = Workspace(run).settings()["training"]
    assert (kept["lr"], kept["epochs"]) == (report.lr, 3.0)
    starts = [event for event in told.events if isinstance(event, TrainingStarted)]
    assert len(starts) == 5, "four trials, and the training itself"
    messages = [event.message for event in told.of(Notice) if event.kind == "search"]
    assert len(messages) == 5
    assert report.reason in messages[-1]


def test_nothing_of_a_trial_stays(found: tuple[Path, Told]) -> None:
    run, _ = found
    assert not (run / "search").exists()
    assert (run / "adapter").is_dir()


def test_the_resolved_settings_search_no_more(found: tuple[Path, Told], folder: Path, tiny: Any) -> None:
    run, _ = found
    kept = Workspace(run).settings()["training"]
    again = config(tiny, folder, run, lr=kept["lr"], epochs=kept["epochs"])
    told = Told()
    # No rows, no encoder: it does not get so far.
    session = Session(again, Workspace(run), None, None, None, told)  # type: ignore[arg-type]
    assert with_found_settings(session) is session
    assert "nothing to search for" in told.of(Notice)[0].message
    off = replace(again, training=replace(again.training, hyperparameter_search=0, lr=None))
    session = session.with_config(off)
    assert with_found_settings(session) is session


def test_a_run_stopped_in_a_trial_ends_as_one_that_was_not(
    found: tuple[Path, Told], tiny: Callable[..., Path], folder: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(module, "default_lr", lambda method, parameters: 1e-3)
    monkeypatch.setattr(module, "TEXT_TOKENS", 64)
    asked = config(tiny, folder, tmp_path / "run")
    second = lambda event: isinstance(event, Notice) and event.message.startswith("trial 2")  # noqa: E731
    with pytest.raises(InterruptedError):
        tune(asked, Told(stop_at=second))
    told = Told()
    tune(replace(asked, resume=True), told)
    assert plain(of_run(tmp_path / "run")) == plain(of_run(found[0]))
    assert sum(isinstance(event, TrainingStarted) for event in told.events) == 3, "two trials were left, and the run"


def plain(report: HyperparameterSearchReport) -> HyperparameterSearchReport:
    """Without the clock."""
    return replace(report, trials=tuple(replace(trial, seconds=0.0) for trial in report.trials))


def test_no_drift_to_spend_takes_the_smallest(tiny: Callable[..., Path], folder: Path, tmp_path: Path) -> None:
    asked = config(tiny, folder, tmp_path / "run", max_drift=1e-9, hyperparameter_search=3, epochs=1.0)
    tune(replace(asked, method=Full()))
    report = of_run(tmp_path / "run")
    whole = [trial for trial in report.trials if trial.drift is not None]
    assert not report.within
    assert report.lr == min(whole, key=lambda trial: trial.drift or 0.0).lr


@pytest.mark.usefixtures("able_bases")
def test_on_the_mitigation_search_it_searches_once(
    tiny: Callable[..., Path], folder: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(module, "default_lr", lambda method, parameters: 0.02)
    # Signs that the task never writes: the tuned model finds them less probable than the random base.
    rows = [{"prompt": f"number {n}", "completion": "~^#@" * 9} for n in range(40)]
    (tmp_path / "kept.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = config(tiny, folder, tmp_path / "run", hyperparameter_search=2, epochs=6.0)
    keep = (Keep("kept", str(tmp_path / "kept.jsonl"), "token_loss", 1e-6),)
    asked = replace(
        asked,
        measure=MeasureConfig(keep=keep, abilities=("none",)),
        mitigation_search=MitigationSearchConfig(auto=True, candidates=("smaller=0.5",)),
    )
    told = Told()
    tune(asked, told)
    steps = [event for event in told.events if isinstance(event, TrainingStarted)]
    assert len(steps) == 4, "two trials, the plain training, and one candidate"


def test_what_cannot_be_searched(tiny: Callable[..., Path], folder: Path, tmp_path: Path) -> None:
    asked = config(tiny, folder, tmp_path / "run")
    without = replace(asked, data=DataConfig(train=str(folder / "train.jsonl"), validation_fraction=0.0))
    with pytest.raises(ConfigError, match="needs validation rows"):
        tune(without)
    with pytest.raises(ConfigError, match="--kl-on replay"):
        tune(replace(asked, output=str(tmp_path / "other"), mitigation=MitigationConfig(kl=0.1, kl_on="replay")))
