"""Two models measured from end to end, on tiny models that have learnt something real to lose."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keeptune.api.measure import measure
from keeptune.api.tune import tune
from keeptune.assessment.report import earlier_reports
from keeptune.cli.main import main
from keeptune.config import DataConfig, EvaluationConfig, Full, Keep, MeasureConfig, MeasureRun, ModelConfig
from keeptune.errors import ConfigError, DataError, RunExists
from keeptune.events import EvaluationDone, Notice, silent
from keeptune.records import ForgettingReport, Interval, Undefined, from_plain
from keeptune.workspace.lineage import base_of
from keeptune.workspace.workspace import Workspace
from tests.api.runs import COLOURS, CPU, Told, settings, write_rows
from tests.tiny import byte_tokenizer

ROOM = EvaluationConfig(max_new_tokens=8)


def run_of(base: Path, tuned: Path, output: Path, **more: Any) -> MeasureRun:
    measured = MeasureConfig(**({"extent": "full", "abilities": ("none",)} | more.pop("measure", {})))
    models = [ModelConfig(name=str(path), **CPU) for path in (base, tuned)]
    return MeasureRun(*models, evaluation=ROOM, measure=measured, output=str(output), **more)


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory, tiny: Callable[..., Path]) -> Path:
    """A run whose tuned model, a full one, knows the colours of things."""
    folder = tmp_path_factory.mktemp("learnt")
    write_rows(folder)
    config = settings(tiny("llama"), folder, "run", epochs=30.0, lr=0.01)
    config = replace(config, data=replace(config.data, validation_fraction=0.0))
    tune(replace(config, method=Full(), evaluation=EvaluationConfig(max_new_tokens=24, metrics=("exact_match",))))
    return folder


def test_the_same_model_twice_has_lost_nothing(learnt: Path, tmp_path: Path) -> None:
    model = learnt / "run" / "model"
    data = DataConfig(test=str(learnt / "train.jsonl"))
    keep = (Keep("colours", str(learnt / "train.jsonl"), "exact_match"), Keep("sentiment"))
    told = Told()
    report = measure(run_of(model, model, tmp_path / "m", data=data, measure={"keep": keep, "items": 60}), told)
    assert [a.name for a in report.abilities] == ["colours", "sentiment"]
    assert all((a.rose, a.fell) == (0, 0) for a in report.abilities)
    assert all(isinstance(a.drop, Interval) and a.drop.estimate == 0 for a in report.abilities)
    assert not any(a.verdict == "lost" for a in report.abilities)
    assert report.task is not None
    assert isinstance(report.task.difference, Interval)
    assert report.task.difference.estimate == 0
    assert not isinstance(report.drift, Undefined)
    assert [row.kl.estimate for row in report.drift if isinstance(row.kl, Interval)] == [0.0, 0.0]
    assert isinstance(report.intrusion, Undefined)
    assert report.gate != "fail"


def test_what_was_learnt_is_lost_by_going_back(learnt: Path, tiny: Callable[..., Path], tmp_path: Path) -> None:
    """The untuned model in the place of the tuned one: it has "forgotten" the colours."""
    rows = [json.loads(line) for line in (learnt / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    for row in rows:
        thing = row["prompt"].split()[1]
        row["choices"] = [f"the {thing} is {colour}" for colour in COLOURS]
    (tmp_path / "asked.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    keep = (Keep("colours", str(tmp_path / "asked.jsonl"), "exact_match"),)
    run = run_of(learnt / "run" / "model", tiny("llama"), tmp_path / "m", measure={"keep": keep})
    told = Told()
    report = measure(run, told)
    (colours,) = report.abilities
    assert colours.base is not None
    assert colours.base > 60
    assert colours.tuned == 0
    assert colours.verdict == "lost"
    assert colours.declared
    assert report.gate == "fail"
    assert colours.diagnosis is not None
    ranked = next(row for row in colours.diagnosis.variants if row.name == "foils")
    assert (ranked.metric, ranked.items) == ("choice_accuracy_norm", colours.items)
    asked = [event.name for event in told.of(EvaluationDone)]
    assert asked.count("colours, ranked among foils (base)") == asked.count("colours, ranked among foils (tuned)") == 1
    assert not [name for name in asked if "loss of the reference" in name]
    assert colours.fell > 0 == colours.rose
    for name in ("report.html", "forgetting.json", "model_card.md", "config.json", "abilities/colours/base.jsonl"):
        assert (tmp_path / "m" / name).stat().st_size > 0
    kept = json.loads((tmp_path / "m" / "forgetting.json").read_text(encoding="utf-8"))
    assert from_plain(ForgettingReport, kept) == report
    with pytest.raises(RunExists):
        measure(run)


def test_answers_are_asked_once(learnt: Path, tmp_path: Path) -> None:
    model = learnt / "run" / "model"
    keep = (Keep("colours", str(learnt / "test.jsonl"), "exact_match"),)
    measure(run_of(model, model, tmp_path / "a", measure={"keep": keep}))
    told = Told()
    measure(run_of(model, model, tmp_path / "b", measure={"keep": keep}), told)
    assert {event.cached for event in told.of(EvaluationDone)} == {True}


def test_what_is_to_be_kept_is_looked_for_before_anything_is_asked(learnt: Path, tmp_path: Path) -> None:
    model, told = learnt / "run" / "model", Told()
    for keep in (Keep("colours", str(tmp_path / "none.jsonl")), Keep("nothing")):
        with pytest.raises((ConfigError, DataError)):
            measure(run_of(model, model, tmp_path / "a", measure={"keep": (keep,)}), told)
    assert not told.of(EvaluationDone)
    assert not (tmp_path / "a").exists()


def test_minutes_leave_items_out_by_whole_clusters(learnt: Path, tmp_path: Path) -> None:
    model = learnt / "run" / "model"
    told = Told()
    config = run_of(
        model, model, tmp_path / "m", measure={"minutes": 1e-6, "abilities": ("sentiment", "topic"), "extent": "quick"}
    )
    report = measure(config, told)
    assert all(0 < a.items < 150 for a in report.abilities)
    assert any("time for" in event.message for event in told.of(Notice))


def test_in_blocks_a_decided_ability_is_asked_no_further(
    learnt: Path, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    """The untuned model in the place of the tuned one has lost the colours; and going on asks nothing anew."""
    rows = [(learnt / name).read_text(encoding="utf-8") for name in ("train.jsonl", "test.jsonl", "kept.jsonl")]
    (tmp_path / "all.jsonl").write_text("".join(rows), encoding="utf-8")
    keep = (Keep("colours", str(tmp_path / "all.jsonl"), "exact_match"),)
    config = run_of(learnt / "run" / "model", tiny("llama"), tmp_path / "m", measure={"keep": keep, "sequential": True})
    told = Told()
    (colours,) = measure(config, told).abilities
    assert colours.planned_items is not None
    assert 32 <= colours.items < colours.planned_items
    assert (colours.verdict, colours.change) == ("lost", "fell")
    assert f"after {colours.items} of {colours.planned_items}" in colours.reason
    assert any(event.kind == "sequential" for event in told.of(Notice))
    assert len((tmp_path / "m" / "abilities" / "colours" / "tuned.jsonl").read_text().splitlines()) == colours.items
    again = Told()
    measure(replace(config, output=str(tmp_path / "again")), again)
    assert {event.cached for event in again.of(EvaluationDone)} == {True}


def test_quick_says_what_it_can_decide(learnt: Path, tmp_path: Path) -> None:
    model = learnt / "run" / "model"
    told = Told()
    report = measure(
        run_of(model, model, tmp_path / "m", measure={"extent": "quick", "abilities": ("sentiment",)}), told
    )
    assert report.gate == "nothing declared"
    assert isinstance(report.drift, Undefined)
    assert any(event.kind == "quick" and "points lost" in event.message for event in told.of(Notice))


def test_other_tokenizers(learnt: Path, tiny: Callable[..., Path], tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(learnt / "run" / "model", other)
    tokenizer = byte_tokenizer()
    tokenizer.add_tokens(["colour"])
    tokenizer.save_pretrained(other)
    kept = learnt / "test.jsonl"
    keep = (Keep("colours", str(kept), "exact_match"), Keep("text", str(kept), "token_loss", 0.1))
    told = Told()
    report = measure(run_of(learnt / "run" / "model", other, tmp_path / "m", measure={"keep": keep}), told)
    assert isinstance(report.drift, Undefined)
    assert [(a.name, a.verdict) for a in report.abilities if a.metric == "token_loss"] == [("text", "not measurable")]
    assert report.gate == "inconclusive"
    assert any("tokenizers differ" in event.message for event in told.of(Notice))


def test_tune_ends_with_it(tiny: Callable[..., Path], tmp_path: Path) -> None:
    write_rows(tmp_path)
    measured = MeasureConfig(abilities=("sentiment",), items=30, keep=(Keep("topic"),), fail_on=("fail",))
    result = tune(replace(settings(tiny("llama"), tmp_path, "run"), measure=measured))
    report = result.forgetting
    assert report is not None
    assert [(a.name, a.declared) for a in report.abilities] == [("topic", True), ("sentiment", False)]
    assert report.task is not None
    assert report.task.difference == result.comparisons[0].difference
    kept = json.loads((tmp_path / "run" / "result.json").read_text(encoding="utf-8"))
    assert kept["forgetting"]["gate"] == report.gate
    assert (tmp_path / "run" / "report.html").exists()
    card = (tmp_path / "run" / "adapter" / "README.md").read_text(encoding="utf-8")
    assert "library_name: peft" in card
    assert "model-index" in card


def test_the_base_is_found(learnt: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = json.loads((learnt / "run" / "config.json").read_text(encoding="utf-8"))
    assert base_of(str(learnt / "run")) == config["model"]["name"]
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "some/base"}')
    assert base_of(str(tmp_path)) == "some/base"
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "some/base", "revision": "v1"}')
    assert base_of(str(tmp_path)) == "some/base@v1"
    told = {"base_model_name_or_path": str(learnt), "revision": "main"}
    (tmp_path / "adapter_config.json").write_text(json.dumps(told))
    assert base_of(str(tmp_path)) == str(learnt), "a folder has no revisions"
    assert main(["measure", "--tuned", str(tmp_path / "nothing")]) == 2
    assert "there is no model" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="--base"):
        base_of("org/tuned@main")


@pytest.mark.parametrize(("tuned", "fail_on", "code"), [("lost", "fail", 3), ("lost", "none", 0), ("kept", "fail", 0)])
def test_exit_codes(
    learnt: Path,
    tiny: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    tuned: str,
    fail_on: str,
    code: int,
) -> None:
    model = learnt / "run" / "model"
    other = str(tiny("llama") if tuned == "lost" else model)
    words = ["measure", "--base", str(model), "--tuned", other, "--abilities", "none", "--device", "cpu", "--dtype"]
    words += ["float32", "--keep", f"colours={learnt / 'train.jsonl'}:exact_match", "--fail-on", fail_on, "--quick"]
    assert main([*words, "--output", str(tmp_path / "m"), "-q"]) == code
    out = capsys.readouterr().out
    assert "colours" in out
    assert tuned in out
    assert "report.html" in out


def test_reports_of_others_beside_a_run_are_passed_over(tmp_path: Path) -> None:
    for name, text in (("a", "{}"), ("b", "[]"), ("c", "no JSON"), ("run", "{}")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "forgetting.json").write_text(text)
    assert earlier_reports(Workspace(tmp_path / "run"), silent) == []
