"""`predict` keeps answers as they come: stopped anywhere it goes on there, and two at once do not mix."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from keeptune.api.evaluate import evaluate
from keeptune.api.predict import predict
from keeptune.config import DataConfig, EvaluationConfig, ModelConfig
from keeptune.errors import ConfigError, RunLocked, StoreError
from keeptune.events import EvaluationProgress, Event, Notice
from keeptune.workspace.growing_file import locked_file
from tests.api.runs import CPU, Ran, Told

ASKED = EvaluationConfig(max_new_tokens=8, metrics=("rouge1",), token_budget=64)


def tuned(run: Ran) -> ModelConfig:
    return ModelConfig(name=str(run.path), **CPU)


def data(run: Ran) -> DataConfig:
    return DataConfig(test=run.config.data.test)


def after(count: int) -> Told:
    def stop(event: Event) -> bool:
        return isinstance(event, EvaluationProgress) and event.done >= count

    return Told(stop_at=stop)


def test_a_stopped_predict_goes_on(run: Ran, tmp_path: Path) -> None:
    out, whole = tmp_path / "answers.jsonl", tmp_path / "whole.jsonl"
    with pytest.raises(InterruptedError):
        predict(tuned(run), data(run), ASKED, str(out), after(5))
    part = tmp_path / "answers.jsonl.part"
    assert not out.exists()
    assert len(part.read_bytes().splitlines()) >= 6
    # As a killed process leaves it.
    part.write_bytes(part.read_bytes() + b'{"id": "7", "rec')
    told = Told()
    assert predict(tuned(run), data(run), ASKED, str(out), told) == 12
    assert "5 of 12" in next(event.message for event in told.of(Notice) if event.kind == "resumed")
    assert told.of(EvaluationProgress)[0].done == 6
    predict(tuned(run), data(run), ASKED, str(whole))
    assert out.read_bytes() == whole.read_bytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["answers.jsonl", "whole.jsonl"]


def test_another_question_does_not_go_on_there(run: Ran, tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    with pytest.raises(InterruptedError):
        predict(tuned(run), data(run), ASKED, str(out), after(3))
    before = (tmp_path / "answers.jsonl.part").read_bytes()
    for model, rows, asked in (
        (run.config.model, data(run), ASKED),
        (tuned(run), DataConfig(test=run.config.data.test, system="Be kind."), ASKED),
        (tuned(run), data(run), EvaluationConfig(max_new_tokens=9)),
    ):
        with pytest.raises(StoreError, match="another model, other rows or other settings"):
            predict(model, rows, asked, str(out))
    assert (tmp_path / "answers.jsonl.part").read_bytes() == before


def test_two_at_once_do_not_mix(run: Ran, tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    with locked_file(out), pytest.raises(RunLocked, match="another process"):
        predict(tuned(run), data(run), ASKED, str(out))
    assert list(tmp_path.iterdir()) == []


def test_the_suffix_is_the_format(run: Ran, tmp_path: Path) -> None:
    rows = tmp_path / "ask.jsonl"
    rows.write_text(json.dumps({"id": "a,b", "prompt": 'say "x",\nplease'}) + "\n")
    for name in ("answers.csv", "answers.tsv", "answers.json", "answers.jsonl", "ANSWERS.CSV"):
        predict(tuned(run), DataConfig(test=str(rows)), ASKED, str(tmp_path / name))
    wanted = json.loads((tmp_path / "answers.jsonl").read_text(encoding="utf-8"))
    assert json.loads((tmp_path / "answers.json").read_text(encoding="utf-8")) == [wanted]
    for name, delimiter in (("answers.csv", ","), ("answers.tsv", "\t"), ("ANSWERS.CSV", ",")):
        with (tmp_path / name).open(encoding="utf-8", newline="") as handle:
            assert list(csv.DictReader(handle, delimiter=delimiter)) == [wanted]
    for name in ("answers.xlsx", "answers"):
        with pytest.raises(ConfigError, match="is not a format"):
            predict(tuned(run), DataConfig(test=str(rows)), ASKED, str(tmp_path / name))


def test_a_stopped_eval_does_not_ask_again(run: Ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEPTUNE_CACHE", str(tmp_path / "cache"))
    with pytest.raises(InterruptedError):
        evaluate(tuned(run), data(run), ASKED, str(tmp_path / "first"), after(5))
    told = Told()
    result = evaluate(tuned(run), data(run), ASKED, str(tmp_path / "first"), told)
    assert told.of(EvaluationProgress)[0].done == 6
    assert result.scores == evaluate(tuned(run), data(run), ASKED, str(tmp_path / "third")).scores
    assert not list((tmp_path / "cache").rglob("*.part"))
