"""A Workspace writes what a run keeps, and reads it back; what is damaged is named, with a way out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from keeptune.abilities.previous_tasks import earlier_items
from keeptune.config import DataConfig, TuneConfig
from keeptune.errors import StoreError
from keeptune.records import HyperparameterSearchReport, SearchTrial, TrainingSummary
from keeptune.workspace.lineage import base_of
from keeptune.workspace.search_run import SearchRun
from keeptune.workspace.workspace import Workspace
from tests.report.forgetting_reports import ability_pairs
from tests.report.results import RESULT

RECORDS = [base for base, _ in ability_pairs()["facts"]]
SEARCHED = HyperparameterSearchReport((SearchTrial(1e-4, 1.0, 0.5, None, 2.0),), 0.1, 1e-4, 1.0, "the default", True)


@pytest.fixture
def run(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "runs" / "mine")


def trained(run: Workspace, summary: TrainingSummary = RESULT.training) -> Workspace:
    run.adapter.mkdir(parents=True)
    run.write_training(summary)
    return run


def test_what_is_written_is_read_back(run: Workspace) -> None:
    config = TuneConfig(data=DataConfig(train="rows.jsonl"))
    run.write_settings(config)
    run.write_training(RESULT.training)
    search = SearchRun(run.path)
    search.write_hyperparameter_search(SEARCHED)
    run.write_result(RESULT)
    run.write_samples("few-shot-3", RECORDS)
    run.write_ability_records("My Facts!", "base", RECORDS)
    search.candidate("kl=1").path.mkdir(parents=True)
    search.write_search_seconds("kl=1", 2.5)
    assert run.tune_settings() == config
    assert run.training() == RESULT.training
    assert run.hyperparameter_search() == SEARCHED
    assert run.tune_result() == RESULT
    assert run.samples("few-shot-3") == run.ability_records("My Facts!", "base") == RECORDS
    assert (search.search_seconds("kl=1"), search.search_seconds("kl=2")) == (2.5, 0.0)


def test_nothing_is_there_before_it_is_written(run: Workspace) -> None:
    found = (run.has_settings, run.has_origin, run.has_result, run.has_forgetting, run.is_trained, run.is_study)
    assert not any(found)
    assert (run.weights, run.hyperparameter_search(), run.started_from(), run.checkpoints()) == (None, None, {}, [])


def test_what_is_missing_or_damaged_is_named(run: Workspace) -> None:
    for read in (
        run.settings,
        run.tune_settings,
        run.origin,
        run.training,
        run.result,
        run.tune_result,
        run.forgetting,
    ):
        with pytest.raises(StoreError, match=r"runs/mine/\w+\.json") as caught:
            read()
        assert caught.value.fix
    run.write_settings({"tuned": "a model"})
    with pytest.raises(StoreError, match="not those of a training"):
        run.tune_settings()


def test_trained_runs_beside_a_run_and_beside_its_search(run: Workspace) -> None:
    other, third = (trained(Workspace(run.path.parent / name)) for name in ("other", "third"))
    trained(run)
    (run.path.parent / "unfinished").mkdir()
    one, two = (trained(SearchRun(run.path).candidate(name)) for name in ("plain", "kl=1"))
    assert [found.path.name for found in run.beside()] == ["other", "third"]
    assert [found.path for found in one.beside()] == [two.path, run.path, other.path, third.path]


def test_intermediates_go_and_the_rest_stays(run: Workspace) -> None:
    trained(run)
    of_an_earlier_version = run.path / "rungs" / "kl=1"
    inner = (run.best(3), run.whole.path, SearchRun(run.path).candidate("kl=1").path, of_an_earlier_version)
    for folder in (run.checkpoint(10), run.checkpoint(9), *inner):
        folder.mkdir(parents=True)
    assert [step for step, _ in run.checkpoints()] == [9, 10]
    run.remove_intermediates()
    assert sorted(entry.name for entry in run.path.iterdir()) == ["adapter", "training.json"]
    assert run.training() == replace(RESULT.training)


def test_a_run_whose_settings_are_damaged_gets_the_way_out_of_the_verb(run: Workspace) -> None:
    run.path.mkdir(parents=True, exist_ok=True)
    run.settings_file.write_text("{")
    with pytest.raises(StoreError) as of_measure:
        base_of(str(run))
    assert "--base" in of_measure.value.fix
    with pytest.raises(StoreError) as of_keep:
        earlier_items(run)
    assert "finished run" in of_keep.value.fix


def test_the_notices_of_a_start_are_kept_once_the_run_has_begun(run: Workspace) -> None:
    assert run.notices() == []
    assert not run.write_notices(["first"])
    assert not run.path.exists()
    run.begin(TuneConfig(data=DataConfig(train="rows.jsonl")))
    assert run.write_notices(["first", "second"])
    assert run.notices() == ["first", "second"]
    for damaged in ("[", "[]", "{}", '{"notices": null}', '{"notices": [1]}'):
        (run.path / "notices.json").write_text(damaged, encoding="utf-8")
        assert run.notices() == [], "they are worth no error"
