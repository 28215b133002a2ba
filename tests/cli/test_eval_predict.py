"""`eval` and `predict` hand their settings on; what they call is replaced."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from keeptune.cli.main import main
from tests.pasted import shell_words
from tests.report.results import EVALUATED


def test_eval(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    calls: list[tuple[Any, ...]] = []

    def evaluate(*arguments: Any) -> Any:
        calls.append(arguments)
        return EVALUATED

    monkeypatch.setattr("keeptune.api.evaluate.evaluate", evaluate)
    assert main(["eval", "--model", "m", "--test", "t.jsonl", "--num_fewshot", "2", "-o", "out"]) == 0
    model, data, evaluation, output, _ = calls[0]
    assert (model.name, data.test, evaluation.few_shot, output) == ("m", "t.jsonl", 2, "out")
    assert "rouge1 of m on 300 items: 23.5" in capsys.readouterr().out
    assert main(["eval", "--model", "m", "--test", "t.jsonl", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["items"] == 300


def test_predict(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    calls: list[tuple[Any, ...]] = []

    def predict(*arguments: Any) -> int:
        calls.append(arguments)
        return 12

    monkeypatch.setattr("keeptune.api.predict.predict", predict)
    assert main(["predict", "some/t.jsonl", "--model", "m"]) == 0
    model, data, _, output, _ = calls[0]
    assert (model.name, data.test, output) == ("m", "some/t.jsonl", "t.answers.jsonl")
    assert "12 answers in t.answers.jsonl" in capsys.readouterr().out
    assert main(["predict", "t.jsonl", "--output", "a.jsonl", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"rows": 12, "output": "a.jsonl"}


@pytest.mark.parametrize("answers", [True, False])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_predict_says_how_it_goes_on(
    number: int,
    code: int,
    answers: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    def predict(*_: Any) -> int:
        if answers:
            Path("my answers.csv.part").touch()
        os.kill(os.getpid(), number)
        time.sleep(10)
        return 0

    monkeypatch.setattr("keeptune.api.predict.predict", predict)
    words = ["predict", "it's.jsonl", "--model", "m", "-o", "my answers.csv"]
    assert main(words) == code
    said = capsys.readouterr().err
    line = next(line for line in said.splitlines() if line.strip().startswith("keeptune predict"))
    assert ("my answers.csv.part" in said) is answers
    assert ("there are no answers yet" in said) is not answers
    assert shell_words(line)[1:] == words
