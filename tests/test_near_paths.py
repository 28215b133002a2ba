"""A mistyped path is told at once, with what lies near; the hub is asked for names that can only be its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from keeptune.cli.main import main
from keeptune.config import ModelConfig
from keeptune.data.formats.read import read_rows
from keeptune.errors import ModelError
from keeptune.models.find import _hub_adapter, find_model
from keeptune.near_paths import expanded, looks_like_path, near_path


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's folder of runs and rows, where the hub is never to be asked."""
    monkeypatch.chdir(tmp_path)
    for run in ("runs/reviews-lora-1", "models/mine"):
        (tmp_path / run).mkdir(parents=True)
        (tmp_path / run / "config.json").write_text(json.dumps({"type": "TuneConfig", "model": {"name": "x"}}))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "Reviews.jsonl").write_text(
        "".join(json.dumps({"prompt": f"number {n}", "completion": f"it is {n}"}) + "\n" for n in range(20))
    )
    (tmp_path / "metric.py").write_text("")
    (tmp_path / "run.yaml").write_text("")

    def asked(*_: Any, **__: Any) -> None:
        raise AssertionError("the hub was asked")

    monkeypatch.setattr("transformers.utils.peft_utils.find_adapter_config_file", asked)
    monkeypatch.setattr("datasets.load_dataset", asked)
    _hub_adapter.cache_clear()


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("runs/review-lora-1", "runs/reviews-lora-1"),
        ("run/reviews-lora-1", "runs/reviews-lora-1"),
        ("runs/reviews-lora-1/adaptr", ""),
        ("./run/review-lora-1", "runs/reviews-lora-1"),
        ("data/reviews", "data/Reviews.jsonl"),
        ("data/revews.jsonl", "data/Reviews.jsonl"),
        ("data/nothing-like-it", ""),
        ("data/Reviews.jsonl", ""),
    ],
)
def test_the_nearest_path(name: str, near: str) -> None:
    assert near_path(name) == near
    assert near_path(Path.cwd() / name) == (str(Path.cwd() / near) if near else "")


def test_what_looks_like_a_path() -> None:
    for name in ("./x", "../x", "~/x", "/x", "runs/x", "models/x", "a/b/c", "a\\b", "."):
        assert looks_like_path(name), name
    for name in ("gpt2", "org/name", "Qwen/Qwen2.5-0.5B"):
        assert not looks_like_path(name), name


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("runs/review-lora-1", "runs/reviews-lora-1"),
        ("reviews-lora-1", "runs/reviews-lora-1"),
        ("review-lora-1", "runs/reviews-lora-1"),
        ("rnus/reviews-lora-1", "runs/reviews-lora-1"),
        ("models/mime", "models/mine"),
        ("smolm2", "smollm2"),
        ("./nowhere", ""),
        ("runs/nothing-near", ""),
    ],
)
def test_a_model_that_is_not_there_is_refused_at_once(name: str, near: str) -> None:
    with pytest.raises(ModelError, match="there is no model at") as caught:
        find_model(ModelConfig(name))
    assert (f"did you mean {near}?" in caught.value.fix) if near else ("did you mean" not in caught.value.fix)


@pytest.mark.parametrize("name", ["gpt2", "org/name", "models/mine@main", "models/mime@main", "SmolLM3-3B"])
def test_names_of_the_hub_are_still_the_hubs(name: str) -> None:
    with pytest.raises(AssertionError, match="the hub was asked"):
        find_model(ModelConfig(name))


@pytest.mark.parametrize("name", ["data/reviews", "dta/Reviews.jsonl", "data/revews", "run.yml"])
def test_rows_that_are_not_there_are_told_with_what_is_near(name: str) -> None:
    (problem,) = read_rows(name, "train").problems
    assert problem.kind == "missing-file" or name.endswith(".yml")
    assert "did you mean" in problem.message


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (("tune", "--train", "data/revews.jsonl"), "data/Reviews.jsonl"),
        (("tune", "--train", "data/Reviews.jsonl", "--config", "rum.yaml"), "run.yaml"),
        (("tune", "--train", "data/Reviews.jsonl", "--output", "runs/review-lora-1", "--resume"), "reviews-lora-1"),
        (("measure", "--tuned", "runs/review-lora-1"), "runs/reviews-lora-1"),
        (("chat", "--model", "runs/review-lora-1"), "runs/reviews-lora-1"),
        (("mix", "--source", "data/revews.jsonl"), "data/Reviews.jsonl"),
        (("mix", "rum.yaml"), "run.yaml"),
        (("runs", "show", "review-lora-1"), "runs/reviews-lora-1"),
        (("predict", "data/revews.jsonl", "--model", "runs/review-lora-1"), "runs/reviews-lora-1"),
    ],
)
def test_every_verb_names_what_is_near(
    words: tuple[str, ...], near: str, capsys: pytest.CaptureFixture[str], tiny: Any
) -> None:
    if words[0] == "tune":
        words = (*words, "--model", str(tiny("llama")))
    assert main([*words, *(["-q"] if words[0] != "runs" else [])]) in (1, 2)
    said = capsys.readouterr().err
    assert "did you mean" in said
    assert near in said


def test_a_home_folder_is_put_in_and_an_unknown_user_is_no_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert expanded("~/rows.jsonl") == tmp_path / "rows.jsonl"
    assert expanded("~no_such_user/rows.jsonl") == Path("~no_such_user/rows.jsonl")
    assert expanded(Path("rows.jsonl")) == Path("rows.jsonl")
