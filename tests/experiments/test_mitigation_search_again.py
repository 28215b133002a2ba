"""A mitigation search uses earlier work: its own, where it was stopped, and other runs' trainings."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from keeptune.api.tune import tune
from keeptune.config import (
    MeasureConfig,
    MitigationConfig,
)
from keeptune.errors import StoreError
from keeptune.events import CandidateDone, EvaluationDone, StepDone, TrainingStarted
from keeptune.mitigation.spec import PLAIN, parse
from tests.api.runs import Told
from tests.experiments.colours import of_no_run, of_search, plant, second

pytestmark = pytest.mark.usefixtures("able_bases")


def test_what_was_trained_beside_a_mitigation_search_is_not_trained_again(
    coloured: Path, tmp_path: Path, unreachable: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, {"plain": (50.0, 0.95), "replay=0.4+kl=0.5": (40.0, 0.0), "lora": (40.0, 0.0)})
    old = MitigationConfig(replay=(str(coloured / "old.jsonl"),))
    alone = second(coloured, tmp_path / "alone", auto=False)
    repaired = replace(
        second(coloured, tmp_path / "repaired", auto=False), mitigation=replace(old, replay_fraction=0.4, kl=0.5)
    )
    trained = [tune(config).training for config in (alone, repaired)]
    told = Told()
    candidates = ("replay=0.4+kl=0.5", "interpolation=0.75+lora")
    config = second(coloured, tmp_path / "search", candidates=candidates, max_candidates=2, min_gain=unreachable)
    result = tune(replace(config, mitigation=old), told)
    assert not [event for event in told.events if isinstance(event, TrainingStarted)]
    mitigation_search = of_search(result)
    assert [candidate.trained_seconds for candidate in mitigation_search.candidates] == [
        training.seconds for training in trained
    ]
    chosen = tmp_path / ("alone" if mitigation_search.chosen == "plain" else "repaired") / "model"
    kept = load_file(tmp_path / "search/model/model.safetensors")
    assert all(torch.equal(kept[name], value) for name, value in load_file(chosen / "model.safetensors").items())
    another = replace(
        config, output=str(tmp_path / "another"), training=replace(config.training, seed=1), mitigation=old
    )
    tune(another, told)
    assert [event for event in told.events if isinstance(event, TrainingStarted)], "another seed is another training"


def test_a_search_that_was_stopped_goes_on_where_it_was(
    coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, {"plain": (50.0, 0.95)})
    config = second(coloured, tmp_path / "run", candidates=("interpolation=0.5", "lora"), max_candidates=1)
    told = Told(stop_at=lambda event: isinstance(event, CandidateDone))
    with pytest.raises(InterruptedError):
        tune(config, told)
    (done,) = told.of(CandidateDone)
    again = Told()
    result = tune(replace(config, resume=True), again)
    assert not any(isinstance(event, StepDone) for event in again.events)
    mitigation_search = of_search(result)
    names = [candidate.candidate for candidate in mitigation_search.candidates]
    assert names[:2] == ["plain", "interpolation=0.5"]
    assert {parse(name).training for name in names} == {PLAIN}
    assert mitigation_search.not_tried == ("lora",)
    assert mitigation_search.candidates[0].asked_seconds >= done.evidence.asked_seconds, (
        "answers from the cache have cost their time"
    )
    best = min(mitigation_search.candidates, key=lambda candidate: candidate.worst)
    assert best.worst <= 0.5 or mitigation_search.chosen == best.candidate


def test_with_another_budget_it_ends_elsewhere_and_the_run_holds_that(
    coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, {"plain": (50.0, 0.95)})
    config = second(
        coloured,
        tmp_path / "run",
        candidates=("interpolation=0.5", "interpolation=0"),
        max_candidates=1,
        search_minutes=1e-6,
    )
    settled = Told(stop_at=lambda event: isinstance(event, EvaluationDone) and event.name == "base")
    with pytest.raises(InterruptedError):
        tune(config, settled)
    before = load_file(tmp_path / "run" / "model" / "model.safetensors")
    result = tune(
        replace(config, resume=True, mitigation_search=replace(config.mitigation_search, search_minutes=None))
    )
    assert of_search(result).chosen == "interpolation=0"
    base = load_file(coloured / "first" / "model" / "model.safetensors")
    after = load_file(tmp_path / "run" / "model" / "model.safetensors")
    assert all(torch.equal(value, base[name]) for name, value in after.items())
    assert not all(torch.equal(value, before[name]) for name, value in after.items())


def test_what_an_earlier_start_has_done_counts_in_the_budget(coloured: Path, tmp_path: Path) -> None:
    config = second(coloured, tmp_path / "run", candidates=("interpolation=0.5",))
    with pytest.raises(InterruptedError):
        tune(config, Told(stop_at=lambda event: isinstance(event, CandidateDone)))
    trained = json.loads((tmp_path / "run" / "candidates" / "plain" / "training.json").read_text())["seconds"]
    budget = replace(config.mitigation_search, search_minutes=0.9 * trained / 60)
    mitigation_search = of_search(tune(replace(config, resume=True, mitigation_search=budget)))
    assert [candidate.candidate for candidate in mitigation_search.candidates] == ["plain"]


def test_weights_that_learned_what_is_now_kept_are_refused(coloured: Path, tmp_path: Path) -> None:
    config = second(coloured, tmp_path / "run", auto=False)
    config = replace(config, mitigation=MitigationConfig(replay=(str(coloured / "kept.jsonl"),), replay_fraction=0.3))
    config = of_no_run(replace(config, training=replace(config.training, epochs=1.0)), tmp_path)
    nothing = replace(config, measure=MeasureConfig(abilities=("none",)))
    scored = Told(stop_at=lambda event: isinstance(event, EvaluationDone))
    with pytest.raises(InterruptedError):
        tune(nothing, scored)
    with pytest.raises(StoreError, match="other replayed or declared rows"):
        tune(replace(config, resume=True))


def test_the_alpha_of_a_training_that_was_tried_takes_no_other(coloured: Path, tmp_path: Path) -> None:
    config = second(coloured, tmp_path / "run", candidates=("kl=0.1", "kl=0.1+interpolation=0.5"), max_candidates=2)
    keep = replace(config.measure.keep[0], margin=0.5)
    told = Told()
    mitigation_search = of_search(tune(replace(config, measure=replace(config.measure, keep=(keep,))), told))
    found = {candidate.candidate: candidate for candidate in mitigation_search.candidates}
    trained = [name for name, candidate in found.items() if candidate.trained_seconds > 0]
    assert trained == ["plain", "kl=0.1"]
    assert len(told.of(TrainingStarted)) == 2
    assert found["kl=0.1+interpolation=0.5"].drops != found["kl=0.1"].drops


def test_a_training_of_another_base_is_not_used(coloured: Path, tmp_path: Path) -> None:
    config = of_no_run(second(coloured, tmp_path / "alone", auto=False), tmp_path)
    tune(config)
    interpolated, told = (
        replace(config, output=str(tmp_path / "half"), mitigation=MitigationConfig(interpolation=0.5)),
        Told(),
    )
    tune(interpolated, told)
    assert not told.of(TrainingStarted)
    weights = load_file(tmp_path / "base" / "model.safetensors")
    save_file({name: 1.01 * value for name, value in weights.items()}, tmp_path / "base" / "model.safetensors")
    (tmp_path / "base" / "SHA256SUMS").unlink()
    tune(replace(interpolated, output=str(tmp_path / "of-another")), told)
    assert told.of(TrainingStarted)
