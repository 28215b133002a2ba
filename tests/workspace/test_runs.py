"""Fifty runs: found whatever their state, and deleted so that no other breaks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from keeptune.config import DataConfig, TuneConfig
from keeptune.errors import RunLocked, StoreError
from keeptune.events import silent
from keeptune.records import Answer, Interval, to_plain
from keeptune.workspace.atomic import write_json
from keeptune.workspace.layout import CONFIG, RESULT
from keeptune.workspace.run_entry import read_entry
from keeptune.workspace.runs import delete_run, dependents, find_run, find_runs
from keeptune.workspace.score_cache import keep_answers, read_answers
from keeptune.workspace.task_name import task_name
from tests.workspace.many_runs import TASKS, write_fifty, write_measure, write_tune

HOLDER = """
import sys
from keeptune.workspace.open_run import open_run
with open_run(sys.argv[1], "x", resume=False):
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def fifty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many") / "runs"
    write_fifty(folder)
    return folder


def test_fifty_runs_are_found_with_what_each_is(fifty: Path) -> None:
    found = find_runs(fifty)
    assert len(found) == 50
    assert Counter(run.kind for run in found) == {"tune": 43, "measure": 5, "eval": 1, "": 1}
    assert Counter(run.state for run in found) == {"finished": 46, "damaged": 3, "unfinished": 1}
    assert {run.task for run in found if run.kind == "tune"} == set(TASKS)


def test_one_run_tells_what_its_records_hold(fifty: Path) -> None:
    run = find_run("dialogsum-3", fifty)
    assert (run.task, run.model, run.method) == ("dialogsum", "Qwen/Qwen2.5-0.5B-Instruct", "lora")
    assert run.gain == Interval(5.3, 3.3, 7.3, 0.95, "jackknife")
    assert run.lost == ("facts",)
    assert run.created == "2026-01-04T00:00:00Z"
    assert run.size_bytes == sum(path.stat().st_size for path in (fifty / "dialogsum-3").rglob("*") if path.is_file())


def test_a_run_by_its_path(fifty: Path) -> None:
    for path in (fifty / "dialogsum-3", Path("dialogsum-3")):
        found = find_run(path, fifty)
        assert (found.name, found.state) == (str(path), "finished")


def test_a_loss_that_fell_is_a_gain(tmp_path: Path) -> None:
    write_tune(tmp_path / "mine", "tickets", "smollm2")
    result = json.loads((tmp_path / "mine" / RESULT).read_text(encoding="utf-8"))
    result["comparisons"][0].update(metric="token_loss", higher_is_better=False, before=2.5, after=1.75)
    result["comparisons"][0]["difference"].update(estimate=-0.75, low=-0.8, high=-0.7)
    write_json(tmp_path / "mine" / RESULT, result)
    gain = find_run("mine", tmp_path).gain
    assert isinstance(gain, Interval)
    assert (gain.estimate, gain.low, gain.high) == (0.75, 0.7, 0.8)


def test_damaged_runs_say_why(fifty: Path) -> None:
    problems = {run.name: run.problem for run in find_runs(fifty) if run.state == "damaged"}
    assert set(problems) == {"cut", "odd", "binary"}
    assert "result.json cannot be read" in problems["cut"]
    assert "another shape" in problems["odd"]
    assert "config.json cannot be read" in problems["binary"]


def test_fifty_runs_are_read_fast_and_without_torch(fifty: Path) -> None:
    code = (
        "import sys, time; began = time.perf_counter(); from keeptune.cli.main import main; "
        "main(['runs', sys.argv[1]]); assert not {'torch', 'transformers'} & set(sys.modules); "
        "print(time.perf_counter() - began, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(fifty)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "50 runs" in done.stdout
    began = time.process_time()
    find_runs(fifty)
    assert time.process_time() - began < 10.0


def test_models_and_other_folders_are_no_runs(tmp_path: Path) -> None:
    write_tune(tmp_path / "runs" / "model", "tickets", "smollm2", full=True)
    write_json(tmp_path / "runs" / "somebody" / CONFIG, {"model_type": "llama"})
    (tmp_path / "runs" / "notes").mkdir()
    assert [run.name for run in find_runs(tmp_path / "runs")] == ["model"]


def test_the_method_is_that_of_the_model_which_a_mitigation_search_left(tmp_path: Path) -> None:
    run = write_tune(tmp_path / "outcome", "tickets", "smollm2", full=True)
    result = json.loads((run / RESULT).read_text(encoding="utf-8"))
    result["training"]["method"] = "lora"
    write_json(run / RESULT, result)
    assert find_run("outcome", tmp_path).method == "lora"


def test_links_to_nowhere_and_a_run_as_the_folder(tmp_path: Path) -> None:
    write_tune(tmp_path / "one", "tickets", "smollm2")
    (tmp_path / "one" / "link").symlink_to(tmp_path / "gone")
    assert [(run.name, run.state) for run in find_runs(tmp_path)] == [("one", "finished")]
    (alone,) = find_runs(tmp_path / "one")
    assert find_run(alone.name, tmp_path / "one") == alone


def test_a_missing_folder_or_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no folder"):
        find_runs(tmp_path / "none")
    with pytest.raises(StoreError, match="there is no run 'x'"):
        find_run("x", tmp_path)


def test_the_run_that_one_stands_in_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tune(tmp_path / "one", "tickets", "smollm2")
    monkeypatch.chdir(tmp_path / "one")
    delete_run(find_run(".", tmp_path), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_deleted_run_takes_nothing_else_along(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_tune(tmp_path / name, "tickets", "smollm2")
    answers = [Answer("a", "b")]
    keep_answers("key", answers, silent)
    delete_run(find_run("one", tmp_path), tmp_path)
    assert [run.name for run in find_runs(tmp_path)] == ["two"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["two"]
    assert read_answers("key", ["a"], silent) == answers


@pytest.mark.parametrize("name", ["rows.json", "result.json"])
def test_a_folder_of_the_user_s_own_is_not_deleted(tmp_path: Path, name: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / name).write_text("[]", encoding="utf-8")
    (tmp_path / "data" / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(StoreError, match="no settings of a run"):
        delete_run(find_run("data", tmp_path), tmp_path)
    assert (tmp_path / "data" / "thesis.txt").exists()


def test_a_run_that_another_was_tuned_from_stays(tmp_path: Path) -> None:
    first = write_tune(tmp_path / "first", "tickets", "smollm2", full=True)
    write_tune(tmp_path / "second", "dialogsum", str(first / "model"))
    write_tune(tmp_path / "other", "dialogsum", str(tmp_path / "first-of-all" / "model"))
    run = find_run("first", tmp_path)
    assert [(found.name, found.breaks) for found in dependents(run, tmp_path)] == [("second", True)]
    with pytest.raises(StoreError, match=r"needed by 1 other run \(second: its model.name is in this run\)"):
        delete_run(run, tmp_path)
    assert first.exists()
    delete_run(run, tmp_path, force=True)
    assert not first.exists()


def test_a_run_whose_test_rows_another_keeps_is_needed(tmp_path: Path) -> None:
    first = write_tune(tmp_path / "first", "tickets", "smollm2")
    second = write_tune(tmp_path / "second", "dialogsum", "smollm2")
    settings = json.loads((second / "config.json").read_text())
    settings["measure"] = {"keep": [{"name": "tickets", "data": f"run:{first}"}]}
    write_json(second / "config.json", settings)
    (found,) = dependents(find_run("first", tmp_path), tmp_path)
    assert (found.name, found.reason) == ("second", "its measure.keep.1.data is in this run")


def test_a_relative_model_is_read_from_above_the_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tune(tmp_path / "runs" / "first", "tickets", "smollm2", full=True)
    write_tune(tmp_path / "runs" / "second", "tickets", "runs/first/model")
    monkeypatch.chdir(tmp_path.parent)
    runs = tmp_path / "runs"
    assert [found.name for found in dependents(find_run("first", runs), runs)] == ["second"]


def test_an_adapter_on_another_runs_model_needs_it(tmp_path: Path) -> None:
    first = write_tune(tmp_path / "first", "tickets", "smollm2", full=True)
    second = write_tune(tmp_path / "second", "tickets", "smollm2")
    write_json(second / "adapter" / "adapter_config.json", {"base_model_name_or_path": str(first / "model")})
    assert dependents(find_run("first", tmp_path), tmp_path)[0].reason == "its adapter's base is in this run"


def test_a_finished_measure_is_told_and_does_not_hinder(tmp_path: Path) -> None:
    first = write_tune(tmp_path / "first", "tickets", "smollm2")
    write_measure(tmp_path / "measured", str(first / "adapter"))
    run = find_run("first", tmp_path)
    assert [(found.name, found.breaks) for found in dependents(run, tmp_path)] == [("measured", False)]
    delete_run(run, tmp_path)
    assert read_entry(tmp_path / "measured", "measured").state == "finished"


@pytest.mark.parametrize("by_path", [False, True])
def test_a_trial_belongs_to_its_study(tmp_path: Path, by_path: bool) -> None:
    trial = write_tune(tmp_path / "study" / "trials" / "n50-d0", "tickets", "smollm2")
    write_json(tmp_path / "study" / CONFIG, {"type": "TuneConfig", "model": {"name": "smollm2"}})
    write_json(tmp_path / "study" / "curve.json", {})
    assert {run.name: run.kind for run in find_runs(tmp_path)} == {"study": "study", "study/trials/n50-d0": "tune"}
    run = find_run(str(trial) if by_path else "study/trials/n50-d0", tmp_path / "elsewhere" if by_path else tmp_path)
    with pytest.raises(StoreError, match="it is made of this run"):
        delete_run(run, tmp_path / "elsewhere" if by_path else tmp_path)
    study = find_run("study", tmp_path)
    assert dependents(study, tmp_path) == []
    delete_run(study, tmp_path)
    assert find_runs(tmp_path) == []


def test_a_run_that_is_written_is_running_and_stays(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "outer" / "trials" / "run")]
    write_json(tmp_path / "outer" / CONFIG, {"type": "TuneConfig", "model": {"name": "smollm2"}})
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        found = {run.name: run for run in find_runs(tmp_path)}
        assert found["outer/trials/run"].state == "running"
        for name in ("outer/trials/run", "outer"):
            with pytest.raises(RunLocked, match="another process"):
                delete_run(found[name], tmp_path, force=True)
        holder.communicate("")
    delete_run(found["outer"], tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="needs links")
def test_a_link_is_not_followed(tmp_path: Path) -> None:
    real = write_tune(tmp_path / "real" / "run", "tickets", "smollm2")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "link").symlink_to(real)
    with pytest.raises(StoreError, match="a link"):
        delete_run(find_run("link", tmp_path / "runs"), tmp_path / "runs")
    assert (real / CONFIG).exists()


@pytest.mark.parametrize(
    ("data", "task"),
    [
        ("data/dialogsum/train.jsonl", "dialogsum"),
        ("rows.jsonl", "rows"),
        ("data/tickets.csv", "tickets"),
        ("knkarthick/dialogsum:train", "knkarthick/dialogsum:train"),
        ("stdlib", "stdlib"),
        ("data/reviews.CSV", "reviews"),
        ("data/Train.jsonl", "data"),
        ("./train.jsonl", "train"),
        ("mixes/support/recipe.yaml", "support"),
        ("/home/ann/rows/reviews", "reviews"),
        ("~/reviews", "reviews"),
        ("org/data.v2", "org/data.v2"),
        ("", ""),
    ],
)
def test_tasks_are_named_by_their_data(data: str, task: str) -> None:
    assert task_name(data) == task


def test_a_task_has_one_name_by_any_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run's folder is named by the path that was given, its entry by the absolute path in the settings."""
    home = tmp_path / "support"
    (home / "rows" / "reviews").mkdir(parents=True)
    for name in ("train.jsonl", "rows/reviews/part.jsonl", "rows/tickets.csv"):
        (home / name).touch()
    monkeypatch.chdir(home)
    for given, task in {"train.jsonl": "support", "rows/reviews": "reviews", "rows/tickets.csv": "tickets"}.items():
        assert task_name(given) == task_name(str(home / given)) == task
    assert task_name(None, "rows/tickets.csv") == "tickets"
    write_json(home / "run" / CONFIG, to_plain(TuneConfig(data=DataConfig(train=str(home / "rows/reviews")))))
    assert find_run("run", home).task == task_name("rows/reviews")
