"""`keeptune compare` as a user calls it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from keeptune.cli.main import main
from keeptune.config import TuneConfig
from keeptune.experiments.ray_trials import RayTrials
from keeptune.experiments.trials import run_in_turn
from keeptune.records import MethodComparison
from tests.api.runs import write_rows
from tests.report.method_comparisons import COMPARISON, FAILED


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[tuple[TuneConfig, Sequence[str], Sequence[int], Any]]:
    """`compare` replaced: it keeps what it is given, and gives a record made by hand."""
    calls: list[tuple[TuneConfig, Sequence[str], Sequence[int], Any]] = []

    def compare(config: TuneConfig, methods: Any, seeds: Any, observer: Any, execute: Any) -> MethodComparison:
        calls.append((config, methods, seeds, execute))
        print("printed by a library")
        return COMPARISON

    monkeypatch.setattr("keeptune.api.compare.compare", compare)
    return calls


WORDS = ["compare", "--train", "a.jsonl", "--methods", "full, lora+smaller=0.1", "--output", "study"]


def test_settings_methods_and_seeds_reach_it(compared: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WORDS, "--seeds", "3,1", "--lr", "1e-4"]) == 0
    config, methods, seeds, execute = compared[0]
    assert (config.data.train, config.training.lr, config.output) == ("a.jsonl", 1e-4, "study")
    assert (methods, seeds) == (["full", "lora+smaller=0.1"], [3, 1])
    assert execute is run_in_turn
    assert COMPARISON.sentences[0] in " ".join(capsys.readouterr().out.split())


def test_json_is_alone_on_stdout(compared: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WORDS, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["metric"] == "rouge1"


@pytest.mark.parametrize(
    ("words", "execute"),
    [
        (["--ray"], RayTrials("local")),
        (["--ray", "head:6379", "--gpus-per-trial", "0.5", "--cpus-per-trial", "2"], RayTrials("head:6379", 0.5, 2.0)),
    ],
)
def test_ray_has_its_shares(compared: list[Any], words: list[str], execute: RayTrials) -> None:
    assert main([*WORDS, *words]) == 0
    assert compared[0][3] == execute


def test_help_names_what_is_compared_and_not_what_it_replaces(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--help"]) == 0
    words = capsys.readouterr().out.split()
    for flag in ("--methods", "--seeds", "--ray", "--gpus-per-trial", "--cpus-per-trial", "--keep", "--lr", "--json"):
        assert flag in words
    for flag in ("--method", "--seed", "--resume", "--auto"):
        assert flag not in words


def test_a_failed_trial_is_the_exit_code(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("keeptune.api.compare.compare", lambda *_: FAILED)
    assert main(WORDS) == 1
    assert "failed: full+interpolation=0.5, seed 1: it is full" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--seeds", "0,one"], "--seeds is 'one', not a whole number"),
        (["--seeds", "-1"], "--seeds is -1"),
        (["--methods", "full,lroa"], "did you mean lora?"),
        (["--methods", ","], "nothing to compare"),
        (["--cpus-per-trial", "-1"], "-1"),
        (["--cpus-per-trial", "2"], "need --ray"),
    ],
)
def test_mistakes_end_in_a_message(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WORDS, *words]) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert out == ""


def test_a_whole_comparison(tiny: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train, test = write_rows(tmp_path)
    words = ["compare", "--model", str(tiny("llama")), "--train", str(train), "--test", str(test), "--device", "cpu"]
    words += ["--dtype", "float32", "--epochs", "0.2", "--max-new-tokens", "4", "--measure", "none", "-q"]
    words += ["--methods", "lora,ia3", "--seeds", "0", "--output", str(tmp_path / "study")]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "ia3" in out
    assert "Forgetting is unknown" in out
    assert main([*words, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["methods"]) == 2
