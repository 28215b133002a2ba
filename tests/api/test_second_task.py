"""A tuned model is tuned again: what the first run taught it is kept by default."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from keeptune.abilities.previous_tasks import protect_previous_tasks
from keeptune.api.tune import tune
from keeptune.config import Adapter, DataConfig, EvaluationConfig, Keep, MeasureConfig, ModelConfig, TuneConfig
from keeptune.errors import KeeptuneError
from keeptune.events import Notice, TrainingStarted
from keeptune.workspace.lineage import run_of
from keeptune.workspace.workspace import Workspace
from tests.api.runs import CPU, Told, settings

QUICK = MeasureConfig(extent="quick", abilities=("none",))


def on_numbers(model: Path, coloured: Path, output: Path) -> TuneConfig:
    config = settings(model, coloured, str(output), epochs=2.0)
    data = DataConfig(train=str(coloured / "numbers.jsonl"))
    return replace(
        config, data=data, measure=QUICK, evaluation=EvaluationConfig(max_new_tokens=24, metrics=("rouge1",))
    )


def test_what_the_first_run_taught_is_declared_and_measured(coloured: Path, tmp_path: Path) -> None:
    told = Told()
    result = tune(on_numbers(coloured / "first", coloured, tmp_path / "second"), told)
    assert result.forgetting is not None
    (ability,) = result.forgetting.abilities
    assert (ability.name, ability.declared, ability.metric) == ("first", True, "rouge1")
    asked = (tmp_path / "second" / "abilities" / "first" / "base.jsonl").read_text().splitlines()
    tested = (coloured / "first" / "samples" / "tuned.jsonl").read_text().splitlines()
    assert {json.loads(line)["item_id"] for line in asked} == {json.loads(line)["item_id"] for line in tested}
    assert result.forgetting.base_name == str(coloured / "first" / "model")
    assert any(notice.kind == "earlier" for notice in told.of(Notice))


def test_a_run_that_the_settings_name_is_not_named_twice(coloured: Path, tmp_path: Path) -> None:
    config = on_numbers(coloured / "first" / "model", coloured, tmp_path / "second")
    own = Keep("colours", f"run:{coloured / 'first'}", "rouge1", 20.0)
    result = tune(replace(config, measure=replace(QUICK, keep=(own,))))
    assert result.forgetting is not None
    assert [(a.name, a.margin) for a in result.forgetting.abilities] == [("colours", 20.0)]


def test_a_run_that_searched_is_an_earlier_run_too(tmp_path: Path) -> None:
    for name in ("config.json", "result.json", "mitigation_search.json"):
        (tmp_path / name).write_text("{}")
    assert run_of(ModelConfig(name=str(tmp_path / "adapter"))) == Workspace(tmp_path)


def test_an_adapter_is_folded_in_first_and_the_next_one_stands_on_that(coloured: Path, tmp_path: Path) -> None:
    tune(replace(on_numbers(coloured / "first", coloured, tmp_path / "second"), measure=MeasureConfig(extent="none")))
    config = settings(tmp_path / "second", coloured, str(tmp_path / "third"), epochs=1.0)
    data = DataConfig(train=str(coloured / "old.jsonl"))
    result = tune(replace(config, data=data, measure=QUICK, method=Adapter(rank=2)))
    start = tmp_path / "third" / "start"
    assert result.forgetting is not None
    assert [ability.name for ability in result.forgetting.abilities] == ["second"]
    ids = torch.tensor([[5, 6, 7, 8]])
    base = AutoModelForCausalLM.from_pretrained(coloured / "first" / "model", dtype=torch.float64)
    second = PeftModel.from_pretrained(base, tmp_path / "second" / "adapter")
    folded = AutoModelForCausalLM.from_pretrained(start, dtype=torch.float64)
    torch.testing.assert_close(folded(ids).logits, second(ids).logits, rtol=1e-4, atol=1e-5)
    saved = json.loads((tmp_path / "third" / "adapter" / "adapter_config.json").read_text())
    assert saved["base_model_name_or_path"] == str(start)


def test_items_of_what_is_kept_are_not_learned(coloured: Path, tmp_path: Path) -> None:
    config = on_numbers(coloured / "first" / "model", coloured, tmp_path / "second")
    mixed = tmp_path / "mixed.jsonl"
    mixed.write_text((coloured / "numbers.jsonl").read_text() + (coloured / "kept.jsonl").read_text())
    keep = Keep("colours", str(coloured / "kept.jsonl"), "rouge1", 20.0)
    data = DataConfig(train=str(mixed), test=str(coloured / "sizes.jsonl"))
    told = Told()
    result = tune(replace(config, data=data, measure=replace(QUICK, keep=(keep,))), told)
    numbers = len((coloured / "numbers.jsonl").read_text().splitlines())
    assert result.training.examples + result.training.validation_examples == numbers
    assert any(notice.kind == "kept items" for notice in told.of(Notice))


def test_what_is_declared_is_read_before_anything_is_trained(coloured: Path, tmp_path: Path) -> None:
    config = on_numbers(coloured / "first" / "model", coloured, tmp_path / "second")
    missing = replace(QUICK, keep=(Keep("colours", str(tmp_path / "no-such-file.jsonl")),))
    told = Told()
    with pytest.raises(KeeptuneError, match=r"no-such-file\.jsonl"):
        tune(replace(config, measure=missing), told)
    assert not told.of(TrainingStarted)
    assert not (tmp_path / "second").exists()


def test_the_third_task_keeps_the_first_too(coloured: Path, tmp_path: Path) -> None:
    second = on_numbers(coloured / "first", coloured, tmp_path / "second")
    tune(replace(second, measure=replace(QUICK, items=5)))
    told = Told()
    third = protect_previous_tasks(replace(second, model=ModelConfig(name=str(tmp_path / "second"), **CPU)), told)
    assert [keep.name for keep in third.measure.keep] == ["second", "first"]
    assert [keep.data for keep in third.measure.keep] == [f"run:{tmp_path / 'second'}", f"run:{coloured / 'first'}"]


def test_an_earlier_run_that_is_gone_is_not_asked(coloured: Path, tmp_path: Path) -> None:
    second = on_numbers(coloured / "first", coloured, tmp_path / "second")
    tune(replace(second, measure=replace(QUICK, items=5)))
    shutil.copytree(tmp_path / "second", tmp_path / "later")
    config = json.loads((tmp_path / "later" / "config.json").read_text())
    (keep,) = config["measure"]["keep"]
    keep["data"] = f"run:{tmp_path / 'gone'}"
    (tmp_path / "later" / "config.json").write_text(json.dumps(config))
    told = Told()
    third = protect_previous_tasks(replace(second, model=ModelConfig(name=str(tmp_path / "later"), **CPU)), told)
    assert [keep.data for keep in third.measure.keep] == [f"run:{tmp_path / 'later'}"]
    assert any("there is no run" in notice.message for notice in told.of(Notice))
