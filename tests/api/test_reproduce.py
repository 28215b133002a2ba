"""A run made again: to the same bytes where nothing has changed, and otherwise what is another, and why."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from keeptune.api.compare import compare
from keeptune.api.measure import measure
from keeptune.api.reproduce import reproduce
from keeptune.api.tune import tune
from keeptune.config import DataConfig, Full, Keep, MeasureConfig, MeasureRun, MitigationConfig, ModelConfig, TuneConfig
from keeptune.errors import ConfigError, DataError, ModelError, RunExists, StoreError
from keeptune.events import EvaluationDone, Notice, StepDone, TrainingStarted
from keeptune.records import Reproduction, from_plain
from keeptune.report.reproduction import ending
from keeptune.training import gradients
from keeptune.training.fit_memory import MemoryFit
from keeptune.workspace.sums import write_sums
from keeptune.workspace.workspace import Workspace
from tests.api.runs import CPU, Ran, Told, settings, write_rows
from tests.faults.oracle import made

COLOURS = ("colours", "kept.jsonl", "exact_match")


@pytest.fixture
def copy(run: Ran, tmp_path: Path) -> TuneConfig:
    """The small run with its rows and its base, in folders that a test may change."""
    shutil.copytree(run.folder, tmp_path, ignore=shutil.ignore_patterns("cache"), dirs_exist_ok=True)
    shutil.copytree(run.model, tmp_path / "base")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    config["data"] |= {name: str(tmp_path / f"{name}.jsonl") for name in ("train", "test")}
    config["model"]["name"] = str(tmp_path / "base")
    (tmp_path / "run" / "config.json").write_text(json.dumps(config))
    return replace(run.config, output=str(tmp_path / "run"))


def kept(folder: Path, **settings: object) -> MeasureConfig:
    name, file, metric = COLOURS
    return MeasureConfig(keep=(Keep(name, str(folder / file), metric),), abilities=("none",), **settings)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_the_default_is_made_again_to_the_same_bytes(tiny: Callable[..., Path], tmp_path: Path, method: str) -> None:
    write_rows(tmp_path)
    config = replace(settings(tiny("llama"), tmp_path, "run"), mitigation=MitigationConfig(), measure=kept(tmp_path))
    config = replace(config, method=Full() if method == "full" else config.method)
    tune(config)
    before = made(tmp_path / "run", tmp_path)
    again = reproduce(str(tmp_path / "run"))
    assert again.outcome == "same bytes"
    assert again.path == str(tmp_path / "run-again")
    assert (again.weights.largest, again.loss, again.changed) == (0.0, 0.0, {})
    asked = {(each.what, each.model) for each in again.answers}
    assert asked == {(what, model) for what in ("task", "colours") for model in ("base", "tuned")}
    assert again.same == again.items > 24
    assert from_plain(Reproduction, json.loads((tmp_path / "run-again" / "reproduction.json").read_text())) == again
    assert made(tmp_path / "run", tmp_path) == before, "the first run is as it was"
    after = made(tmp_path / "run-again", tmp_path)
    files = [name for name in before if name.startswith(("samples/", "abilities/", "adapter/", "model/"))]
    assert {name: after.get(name) for name in files} == {name: before[name] for name in files}


def test_each_reproduction_has_a_folder_and_a_finished_one_stays(copy: TuneConfig, tmp_path: Path) -> None:
    assert reproduce(copy.output).path == str(tmp_path / "run-again")
    assert reproduce(copy.output).path == str(tmp_path / "run-again-2")
    with pytest.raises(StoreError, match="holds a reproduction"):
        reproduce(copy.output, str(tmp_path / "run-again"))
    with pytest.raises(RunExists):
        reproduce(copy.output, copy.output)


def test_an_interrupted_one_goes_on(copy: TuneConfig, tmp_path: Path) -> None:
    with pytest.raises(InterruptedError):
        reproduce(copy.output, observer=Told(stop_at=lambda e: isinstance(e, StepDone) and e.step == 12))
    told = Told()
    again = reproduce(copy.output, observer=told)
    assert again.path == str(tmp_path / "run-again")
    assert told.of(TrainingStarted)[0].first_step > 0
    assert again.outcome == "same bytes"
    (tmp_path / "run-again" / "reproduction.json").unlink()
    told = Told()
    assert reproduce(copy.output, observer=told) == again, "killed before it was compared"
    assert not told.of(TrainingStarted)


def test_one_interrupted_while_the_base_answers_goes_on(copy: TuneConfig, tmp_path: Path) -> None:
    """It has no settings yet, and the base's answers in its own cache."""
    again = tmp_path / "run-again"
    (again / "own_cache" / "answers").mkdir(parents=True)
    (again / "own_cache" / "answers" / "some.jsonl").write_text("damaged")
    (again / "reproduces.json").write_text(json.dumps({"run": str(tmp_path / "run")}))
    made = reproduce(copy.output)
    assert (made.path, made.outcome) == (str(again), "same bytes")
    assert not (again / "own_cache").exists()


def test_one_that_tune_continues_takes_nothing_from_the_cache(
    copy: TuneConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEEPTUNE_CACHE", str(tmp_path / "cache"))
    config = replace(copy, model=ModelConfig(str(tmp_path / "base"), **CPU), output=str(tmp_path / "cached"))
    tune(config)
    with pytest.raises(InterruptedError):
        reproduce(config.output, observer=Told(stop_at=lambda e: isinstance(e, StepDone) and e.step == 12))
    again, told = Workspace(tmp_path / "cached-again"), Told()
    tune(replace(again.tune_settings(), resume=True), told)
    done = told.of(EvaluationDone)
    assert done
    assert not any(each.cached for each in done)
    # It was made by another version than the one that compares.
    result = json.loads((again.path / "result.json").read_text())
    result["manifest"]["versions"]["torch"] = "1.0"
    (again.path / "result.json").write_text(json.dumps(result))
    changed = reproduce(config.output).changed
    assert [(name, now) for name, (_, now) in changed.items()] == [("torch", "1.0")]


def test_nothing_is_taken_from_the_cache_or_from_a_run_beside(
    copy: TuneConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEEPTUNE_CACHE", str(tmp_path / "cache"))
    config = replace(copy, model=ModelConfig(str(tmp_path / "base"), **CPU), output=str(tmp_path / "scaled"))
    told = Told()
    tune(replace(config, mitigation=MitigationConfig(plain=True, interpolation=0.5)), told)
    assert any("is reused" in notice.message for notice in told.of(Notice)), "the run beside has its training"
    cached = sorted((tmp_path / "cache").rglob("*"))
    told = Told()
    again = reproduce(str(tmp_path / "scaled"), observer=told)
    assert again.outcome == "same bytes"
    assert told.of(TrainingStarted)
    assert not any(done.cached for done in told.of(EvaluationDone))
    assert sorted((tmp_path / "cache").rglob("*")) == cached
    assert not (tmp_path / "scaled-again" / "own_cache").exists()


def test_memory_that_was_short_then_is_short_again(
    tiny: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rows(tmp_path)
    config = replace(settings(tiny("gpt2"), tmp_path, "run"), measure=MeasureConfig(extent="none"))
    with monkeypatch.context() as patch:
        patch.setattr(gradients, "fit_memory", lambda *_: MemoryFit(60, 1))
        assert tune(config).training.token_budget == 60
    again = reproduce(str(tmp_path / "run"))
    assert again.outcome == "same bytes"
    plain = json.loads((tmp_path / "run-again" / "result.json").read_text())
    assert plain["training"]["token_budget"] == plain["config"]["training"]["tokens_in_memory"] == 60


def test_a_run_within_a_study_is_made_again_and_the_study_is_not(tiny: Callable[..., Path], tmp_path: Path) -> None:
    write_rows(tmp_path)
    compare(settings(tiny("llama"), tmp_path, "study"), ("lora",), (1,))
    (trial,) = (tmp_path / "study" / "trials").iterdir()
    with pytest.raises(StoreError, match="made of 1 runs") as refused:
        reproduce(str(tmp_path / "study"))
    assert f"keeptune reproduce {trial}" in refused.value.fix
    again = reproduce(str(trial))
    assert (again.outcome, again.path) == ("same bytes", str(tmp_path / "study-lora-s1-again"))
    assert list((tmp_path / "study" / "trials").iterdir()) == [trial], "the study is as it was"


def test_other_verbs_and_unfinished_runs_are_refused(copy: TuneConfig, tmp_path: Path) -> None:
    base, output = ModelConfig(str(tmp_path / "base"), **CPU), str(tmp_path / "measured")
    data = DataConfig(test=str(tmp_path / "test.jsonl"))
    measure(MeasureRun(base, replace(base, name=copy.output), data, measure=kept(tmp_path), output=output))
    with pytest.raises(StoreError, match=r"measured is a run of measure") as refused:
        reproduce(output)
    assert "runs compare" in refused.value.fix
    (tmp_path / "run" / "result.json").unlink()
    with pytest.raises(StoreError, match="run is unfinished"):
        reproduce(copy.output)
    with pytest.raises(StoreError, match="there is no run"):
        reproduce(str(tmp_path / "nowhere"))


@pytest.mark.parametrize("role", ["train", "test"])
def test_changed_rows_are_named(copy: TuneConfig, tmp_path: Path, role: str) -> None:
    file = tmp_path / f"{role}.jsonl"
    rows = file.read_text()
    file.write_text(rows.replace("is red", "is grey"))
    with pytest.raises(StoreError, match=f"{role}.jsonl changed since") as refused:
        reproduce(copy.output)
    assert "keeptune tune --config" in refused.value.fix
    assert not (tmp_path / "run-again").exists()
    # The same rows, written otherwise.
    file.write_text(rows.replace('", "', '",  "') + "\n")
    assert reproduce(copy.output).outcome == "same bytes"
    file.unlink()
    with pytest.raises(DataError, match=f"{role}.jsonl"):
        reproduce(copy.output)


def test_changed_items_replayed_rows_and_metrics_are_named(tiny: Callable[..., Path], tmp_path: Path) -> None:
    write_rows(tmp_path)
    (tmp_path / "old.jsonl").write_text('{"prompt": "grey mouse", "completion": "the mouse is grey"}\n' * 2)
    (tmp_path / "mine.py").write_text("def score(output, references, example):\n    return output in references\n")
    config = settings(tiny("llama"), tmp_path, "run", epochs=1.0)
    metrics = (f"{tmp_path}/mine.py:score",)
    config = replace(config, evaluation=replace(config.evaluation, metrics=metrics), measure=kept(tmp_path))
    replay = MitigationConfig(plain=True, replay=(str(tmp_path / "old.jsonl"),))
    tune(replace(config, mitigation=replay))
    for name, old, new in (
        ("kept.jsonl", "the table", "a table"),
        ("old.jsonl", "the mouse", "a mouse"),
        ("mine.py", "return", "return not"),
    ):
        file = tmp_path / name
        before = file.read_text()
        file.write_text(before.replace(old, new))
        with pytest.raises(StoreError, match=f"^[^ ]*{name}[^ ]* changed since"):
            reproduce(str(tmp_path / "run"), allow_code=True)
        file.write_text(before)


def test_code_that_a_run_names_is_run_only_where_it_is_allowed(tiny: Callable[..., Path], tmp_path: Path) -> None:
    """And scores that a file beside the metric's makes others are told, though each answer is the same."""
    write_rows(tmp_path)
    (tmp_path / "points.py").write_text("RIGHT = 60.0\n")
    (tmp_path / "mine.py").write_text(
        "from pathlib import Path\n"
        "def score(output, references, example):\n"
        "    right = Path(__file__).with_name('points.py').read_text().split()[-1]\n"
        "    return float(right) + (output in references)\n"
    )
    config = settings(tiny("llama"), tmp_path, "run", epochs=1.0)
    metrics = (f"{tmp_path}/mine.py:score", "rouge1")
    tune(replace(config, evaluation=replace(config.evaluation, metrics=metrics)))
    with pytest.raises(ConfigError, match=r"name code that would run: .*mine\.py:score") as refused:
        reproduce(str(tmp_path / "run"))
    assert "--allow-code" in refused.value.fix
    assert not (tmp_path / "run-again").exists()
    assert reproduce(str(tmp_path / "run"), allow_code=True).outcome == "same bytes"
    before = MeasureConfig(keep=(Keep("before", f"run:{tmp_path / 'run'}"),), abilities=("none",))
    with pytest.raises(StoreError, match=r"is scored by code that would run: .*mine\.py:score"):
        tune(replace(config, measure=before, output=str(tmp_path / "later")))
    (tmp_path / "points.py").write_text("RIGHT = 40.0\n")
    again = reproduce(str(tmp_path / "run"), allow_code=True)
    assert (again.outcome, again.same) == ("differs", again.items)
    assert [found.same for found in again.scores] == [False, True]
    assert re.match(r"same answers \(24 of 24\), other scores: \S*mine\.py:score 40\.\d against 60\.\d$", ending(again))


def test_a_start_from_an_adapter_is_merged_again(copy: TuneConfig, tmp_path: Path) -> None:
    (tmp_path / "run").rename(tmp_path / "first")
    config = replace(copy, model=ModelConfig(str(tmp_path / "first"), **CPU), output=str(tmp_path / "second"))
    config = replace(config, data=replace(config.data, train=str(tmp_path / "kept.jsonl")))
    tune(replace(config, training=replace(config.training, epochs=1.0)))
    again = reproduce(str(tmp_path / "second"))
    assert again.outcome == "same bytes"
    started = [json.loads((tmp_path / name / "start.json").read_text()) for name in ("second", "second-again")]
    assert started[0] == started[1]
    file = tmp_path / "first" / "adapter" / "adapter_model.safetensors"
    save_file({name: weight + 1e-3 for name, weight in load_file(file).items()}, file, {"format": "pt"})
    write_sums(tmp_path / "first" / "adapter")
    with pytest.raises(StoreError, match="first/adapter holds other weights than"):
        reproduce(str(tmp_path / "second"))


@pytest.mark.parametrize(("fact", "value"), [("device", "xpu:0"), ("dtype", "int3")])
def test_a_device_or_dtype_that_is_not_known_is_an_error(copy: TuneConfig, fact: str, value: str) -> None:
    file = Path(copy.output) / "result.json"
    result = json.loads(file.read_text())
    result["manifest"][fact] = value
    file.write_text(json.dumps(result))
    with pytest.raises(StoreError, match=f"names what keeptune does not run on: .*'{value[:3]}"):
        reproduce(copy.output)


def test_a_changed_base_is_named(copy: TuneConfig, tmp_path: Path) -> None:
    file = tmp_path / "base" / "model.safetensors"
    weights = load_file(file)
    save_file({name: weight + 1e-3 for name, weight in weights.items()}, file, {"format": "pt"})
    with pytest.raises(StoreError, match="base holds other weights than"):
        reproduce(copy.output)
    shutil.rmtree(tmp_path / "base")
    with pytest.raises(ModelError, match="base"):
        reproduce(copy.output)


def test_what_is_another_is_told(copy: TuneConfig, tmp_path: Path) -> None:
    """Planted in the first run: other weights by a hair, then other answers; and another version of torch."""
    run = tmp_path / "run"
    file = run / "adapter" / "adapter_model.safetensors"
    weights = load_file(file)
    first = sorted(weights)[0]
    weights[first].view(-1)[0] += 0.5
    save_file(weights, file, {"format": "pt"})
    write_sums(run / "adapter")
    result = json.loads((run / "result.json").read_text())
    result["manifest"]["versions"]["torch"] = "1.0"
    result["training"]["loss_curve"][3][1] += 0.25
    (run / "result.json").write_text(json.dumps(result))
    told = Told()
    near = reproduce(copy.output, observer=told)
    assert near.outcome == "same answers"
    assert near.weights.largest == pytest.approx(0.5)
    count = sum(weight.numel() for weight in weights.values())
    assert near.weights.rms == pytest.approx(0.5 / count**0.5)
    assert near.loss == pytest.approx(0.25)
    assert [(name, then) for name, (then, _) in near.changed.items()] == [("torch", "1.0")]
    assert any("torch was 1.0" in notice.message for notice in told.of(Notice))
    samples = run / "samples" / "tuned.jsonl"
    lines = [json.loads(line) for line in samples.read_text().splitlines()]
    lines[0]["answer"]["output"] += "!"
    lines[1]["item_id"] = "another"
    samples.write_text("".join(json.dumps(line) + "\n" for line in lines))
    far = reproduce(copy.output)
    assert far.outcome == "differs"
    (tuned,) = (each for each in far.answers if each.model == "tuned")
    assert (tuned.items, tuned.same) == (13, 10), "one is another, and one is in either run alone"


def test_what_depends_on_speed_is_said(copy: TuneConfig, tmp_path: Path) -> None:
    config = replace(copy, model=ModelConfig(str(tmp_path / "base"), **CPU), output=str(tmp_path / "timed"))
    tune(replace(config, training=replace(config.training, max_minutes=60.0, epochs=1.0)))
    again = reproduce(str(tmp_path / "timed"))
    assert again.outcome == "same bytes", "an hour was far away"
    assert any("60 minutes may have shortened" in note for note in again.notes)


def test_the_cache_is_apart_by_threads(copy: TuneConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums of other threads may be rounded otherwise: they are no cached answers of these."""
    monkeypatch.setenv("KEEPTUNE_CACHE", str(tmp_path / "cache"))
    threads = torch.get_num_threads()
    config = replace(copy, model=ModelConfig(str(tmp_path / "base"), **CPU))
    cached = []
    try:
        for number in (1, 2, 1):
            torch.set_num_threads(number)
            told = Told()
            tune(replace(config, output=str(tmp_path / f"run-{len(cached)}")), told)
            cached.append(next(done.cached for done in told.of(EvaluationDone) if done.name == "base"))
    finally:
        torch.set_num_threads(threads)
    assert cached == [False, False, True]
