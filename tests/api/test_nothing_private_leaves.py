"""What a run writes: no secret but in its own settings, which it needs to go on; in what is uploaded, no local path."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from peft import AutoPeftModelForCausalLM

from keeptune.api.predict import predict
from keeptune.api.tune import tune
from keeptune.assessment.published_base import OF_BUILT_IN, published_base
from keeptune.config import Adapter, DataConfig, EvaluationConfig, Keep, MeasureConfig, ModelConfig
from keeptune.exports.save import save_tuned
from keeptune.models.adapters import attach_adapter
from keeptune.models.load import load_model
from keeptune.workspace.run_entry import read_entry
from keeptune.workspace.workspace import Workspace
from tests.api.runs import CPU, settings, write_rows
from tests.tiny import save_llama

SECRET = "sk-proj-abcdefghijklmnopqrstuvwxyz012345"


@pytest.fixture(scope="module")
def folder(tiny: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a run was made with a secret in one of its settings, and in the command."""
    folder = tmp_path_factory.mktemp("private")
    train, _ = write_rows(folder)
    (folder / "data").mkdir()
    (folder / "data" / "reviews.jsonl").write_bytes(train.read_bytes())
    config = settings(tiny("llama"), folder, "run", epochs=1.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KEEPTUNE_CACHE", str(folder / "cache"))
        patch.setattr("sys.argv", ["/x/bin/keeptune", "tune", "--system", SECRET, "--train", str(train)])
        patch.chdir(folder)
        keep = (Keep("kept", str(folder / "kept.jsonl"), "rouge1"),)
        data = DataConfig(train="data/reviews.jsonl", system=SECRET, limit_train=8)
        measure = MeasureConfig(extent="quick", keep=keep, abilities=("none",))
        tune(replace(config, data=data, measure=measure, output=""))
    return folder


def test_a_task_has_one_name(folder: Path) -> None:
    assert [run.name for run in (folder / "runs").iterdir()] == ["reviews-lora-1"]
    assert read_entry(folder / "runs" / "reviews-lora-1", "x").task == "reviews"


def test_secrets_stay_in_the_runs_own_settings(folder: Path) -> None:
    run = folder / "runs" / "reviews-lora-1"
    holding = {file for file in run.rglob("*") if file.is_file() and SECRET.encode() in file.read_bytes()}
    assert holding == {run / "config.json"}
    assert (run / "config.json").stat().st_mode & 0o077 == 0
    assert json.loads((run / "result.json").read_text(encoding="utf-8"))["manifest"]["command"][:4] == [
        "keeptune",
        "tune",
        "--system",
        "***",
    ]


def test_such_a_run_is_still_asked_as_it_was_trained(folder: Path, tmp_path: Path) -> None:
    run, rows = folder / "runs" / "reviews-lora-1", folder / "test.jsonl"
    model, asked = ModelConfig(str(run), **CPU), EvaluationConfig(max_new_tokens=8)
    predict(model, DataConfig(test=str(rows), limit_test=3), asked, str(tmp_path / "a.jsonl"))
    predict(model, DataConfig(test=str(rows), limit_test=3, system=SECRET), asked, str(tmp_path / "b.jsonl"))
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_the_card_names_no_path_and_says_what_is_missing(folder: Path, tiny: Callable[..., Path]) -> None:
    card = (folder / "runs" / "reviews-lora-1" / "adapter" / "README.md").read_text(encoding="utf-8")
    for path in (folder, tiny("llama"), Path.home()):
        assert str(path) not in card
    assert "base_model_name_or_path" in card
    assert "## How to use it" in card
    assert "## Licence" in card
    assert "PeftModel.from_pretrained" in card


def test_a_base_in_the_hubs_cache_is_named_as_on_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("transformers.utils.hub.constants.HF_HUB_CACHE", "huggingface_hub.constants.HF_HUB_CACHE"):
        monkeypatch.setattr(name, str(tmp_path / "hub"))
    kept = tmp_path / "hub" / "models--org--name"
    commit = "a" * 40
    snapshot = save_llama(kept / "snapshots" / commit)
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text(commit)
    (snapshot / "README.md").write_text("---\nlicense: mit\n---\n# Base\n")
    loaded = load_model(ModelConfig(str(snapshot), **CPU))
    attach_adapter(loaded, Adapter(rank=2), seed=0)
    adapter = save_tuned(loaded, Workspace(tmp_path / "run"))
    written = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    assert (written["base_model_name_or_path"], written["revision"]) == ("org/name", commit)
    assert str(tmp_path) not in (adapter / "adapter_config.json").read_text(encoding="utf-8")
    again = load_model(ModelConfig(str(adapter), **CPU))
    assert again.found.adapter is not None
    assert AutoPeftModelForCausalLM.from_pretrained(adapter).config.vocab_size == loaded.inner.config.vocab_size
    for named in (str(snapshot), "org/name"):
        base = published_base(ModelConfig(named, **CPU))
        assert (base.name, base.licence) == ("org/name", "mit")
    # Another folder of that shape, in no cache of this user, stays a folder.
    other = save_llama(tmp_path / "copy" / "models--org--name" / "snapshots" / commit)
    assert published_base(ModelConfig(str(other), **CPU)).name == ""


def test_the_built_in_base_has_its_name_and_licence() -> None:
    assert published_base(ModelConfig("smollm2")) == OF_BUILT_IN
    assert yaml.safe_load(f"license: {OF_BUILT_IN.licence}") == {"license": "apache-2.0"}
