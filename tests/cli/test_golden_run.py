"""A tiny model through every verb, as a user goes: check, tune, eval, predict, chat; and tune again, resumed."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from keeptune.cli.main import main

COLOURS = ("red", "green", "blue", "yellow", "black", "white")
THINGS = ("house", "river", "stone", "garden", "window", "letter", "bridge", "candle")


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    file = tmp_path / "rows.jsonl"
    lines = [
        {"prompt": f"{colour} {thing}", "completion": f"the {thing} of {n} is {colour}"}
        for n, (colour, thing) in enumerate((c, t) for c in COLOURS for t in THINGS)
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return file


def test_every_verb(
    rows: Path,
    tiny: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    model = ["--model", str(tiny("llama")), "--device", "cpu", "--dtype", "float32"]

    assert main(["check", "--train", str(rows), *model]) == 0
    assert "prompt tokens:" in capsys.readouterr().out
    assert main(["check", "--train", str(rows), *model, "--forecast"]) == 0
    out, err = capsys.readouterr()
    assert "forecast: the training takes about 0 min" in out
    assert "texts for the KL term" in err, "the forecast is of what tune does by default"
    assert list(tmp_path.iterdir()) == [rows]
    # What the data tell is shown even where no training could start.
    targets = ["--target-modules", "no_such_layer"]
    assert main(["check", "--train", str(rows), *model, "--forecast", *targets]) != 0
    out, err = capsys.readouterr()
    assert "prompt tokens:" in out
    assert "no_such_layer" in err
    assert main(["check", "--test", str(rows), *model, "--forecast"]) != 0
    assert "there is no training to forecast" in capsys.readouterr().err

    run = tmp_path / "run"
    common = ["--train", str(rows), "--epochs", "1", "--max-new-tokens", "8", "--rank", "4", "--few-shot", "1"]
    common += ["--measure", "none"]
    assert main(["tune", *model, *common, "--output", str(run)]) == 0
    out, err = capsys.readouterr()
    assert "unseen items" in out
    assert "few-shot-1" in out
    assert "step 1/" in err
    assert "Loading weights" not in err
    assert (run / "result.json").exists()

    assert main(["tune", *model, *common, "--output", str(run)]) == 1
    assert "results are never overwritten" in capsys.readouterr().err

    assert main(["eval", "--model", str(run), "--test", str(rows), "--limit-test", "4", "--json", "-q"]) == 0
    assert json.loads(capsys.readouterr().out)["items"] == 4

    assert main(["predict", str(rows), "--model", str(run), "--limit-test", "3", "--max-new-tokens", "4"]) == 0
    assert "3 answers in rows.answers.jsonl" in capsys.readouterr().out
    assert len((tmp_path / "rows.answers.jsonl").read_text(encoding="utf-8").splitlines()) == 3

    monkeypatch.setattr("sys.stdin", io.StringIO("red house\n"))
    assert main(["chat", "--model", str(run)]) == 0
    out = capsys.readouterr().out
    assert "base:" in out
    assert "tuned:" in out


def test_a_runs_config_makes_the_same_run_again(
    rows: Path, tiny: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    arguments = ["--model", str(tiny("llama")), "--train", str(rows), "--epochs", "1", "--device", "cpu"]
    more = ["--dtype", "float32", "--max-new-tokens", "4", "--measure", "none", "-q", "--json"]
    assert main(["tune", *arguments, *more, "-o", str(first)]) == 0
    once = json.loads(capsys.readouterr().out)
    assert main(["tune", "--config", str(first / "config.json"), "-o", str(second), "-q", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert once["scores"] == again["scores"]
    assert once["training"]["loss_curve"] == again["training"]["loss_curve"]
