"""`keeptune mix` from outside: what is shown, what is written, and a training on it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from keeptune.cli.main import main
from tests.data.mix.mixes import source, texts


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    own = texts(24, seed=0, words=12)
    source(tmp_path, "a", [*own, own[0]])
    source(tmp_path, "b", texts(24, seed=1, words=12))
    source(tmp_path, "t", [own[1], *texts(5, seed=2, words=12)])
    return tmp_path


SOURCES = ["--source", "a.jsonl", "--source", "b.jsonl:0.25", "--test", "t.jsonl"]


def test_only_looked_at(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = set(data.iterdir())
    assert main(["mix", *SOURCES]) == 0
    out, err = capsys.readouterr()
    assert "30 rows of 49 from 2 sources; left out: 1 that occur in a test set, 1 repeats" in out
    cells = [line.split() for line in out.splitlines()]
    assert ["a", "25", "0", "1", "1", "0", "0", "23", "23", "76.7%"] in [line[:10] for line in cells]
    assert "nothing written: --output FOLDER writes the mix" in out
    assert "train: 24 rows from b.jsonl" in err
    assert set(data.iterdir()) == before


def test_names_are_shown_as_they_are(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "a.jsonl").rename(data / "rows[clean].jsonl")
    assert main(["mix", "--source", "rows[clean].jsonl"]) == 0
    assert "rows[clean]" in capsys.readouterr().out


def test_written_and_made_again(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mix", *SOURCES, "--cap", "20", "--temperature", "2", "--seed", "3", "-o", "mixed", "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert "to train on it: keeptune tune --train mixed" in out
    assert err == ""
    assert main(["mix", "mixed", "--output", "again", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [row["rows"] for row in report["sources"]] == [20, 6]
    for name in ("mix.jsonl", "recipe.yaml"):
        assert Path("mixed", name).read_bytes() == Path("again", name).read_bytes()
    assert main(["mix", "mixed/recipe.yaml", "--rows", "8", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 8


def test_tokens_by_a_model(data: Path, tiny: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mix", *SOURCES, "--model", str(tiny("llama")), "--json"]) == 0
    sources = json.loads(capsys.readouterr().out)["sources"]
    assert all(row["tokens"] > row["rows"] for row in sources)


def test_tune_on_a_recipe(data: Path, tiny: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    Path("plain.yaml").write_text("sources: [a.jsonl, 'b.jsonl:0.25']\n", encoding="utf-8")
    words = ["--test", "t.jsonl", "--epochs", "1", "--measure", "none", "--device", "cpu", "--dtype", "float32"]
    model = ["--model", str(tiny("llama")), "--max-new-tokens", "2"]
    assert main(["tune", "--train", "plain.yaml", *words, *model, "--output", "run"]) == 0
    assert "train: 30 rows" in capsys.readouterr().err
    result = json.loads(Path("run/result.json").read_text())
    assert result["config"]["data"]["train"] == str(Path("plain.yaml").absolute())
    assert result["training"]["steps"] >= 1


def test_the_working_folder_is_not_replaced(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    source = str((data / "a.jsonl").resolve())
    monkeypatch.chdir(tmp_path / "empty")
    assert main(["mix", "--source", source, "--output", "."]) == 1
    assert "the working folder cannot hold the mix" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "must_say"),
    [
        ([], "no sources to mix"),
        (["none.yaml"], "there is no recipe none.yaml"),
        (["--source", "a.jsonl", "--rows", "many"], "--rows is 'many', not a whole number"),
        (["--source", "a.jsonl", "--near-duplicates", "0.5"], "--near-duplicates is '0.5'"),
        (["--source", "a.jsonl", "--rows", "100"], "100 rows are asked for, and the proportions allow 24"),
        (["--source", "none.jsonl"], "none.jsonl: no row can be used"),
    ],
)
def test_mistakes(words: list[str], must_say: str, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mix", *words]) == 2
    out, err = capsys.readouterr()
    assert must_say in err
    assert "→" in err
    assert out == ""
