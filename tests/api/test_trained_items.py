"""Items are called unseen only where the rows that the model was trained on were looked through."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from keeptune.api.measure import measure
from keeptune.config import DataConfig, EvaluationConfig, MeasureConfig, MeasureRun, ModelConfig
from keeptune.events import Notice
from keeptune.records import Example, Message
from keeptune.report.phrases import headline
from keeptune.workspace.trained_on import count_trained_on, keep_trained_on, trained_on
from tests.api.runs import CPU, Ran, Told


def measured(base: Path, tuned: Path, items: Path, output: Path, told: Told | None = None) -> tuple[int | None, str]:
    models = [ModelConfig(name=str(path), **CPU) for path in (base, tuned)]
    config = MeasureRun(
        *models,
        evaluation=EvaluationConfig(max_new_tokens=4),
        measure=MeasureConfig(extent="quick", abilities=("none",)),
        data=DataConfig(test=str(items)),
        output=str(output),
    )
    report = measure(config, told or Told())
    assert report.task is not None
    return report.task.trained_on, headline(report.task)


def test_a_run_counts_its_own_test_rows(run: Ran) -> None:
    assert run.result.comparisons[0].trained_on == 0
    assert "unseen items" in headline(run.result.comparisons[0])
    assert len(trained_on(run.path) or ()) > 0


def test_train_rows_are_not_unseen(run: Ran, tiny: Callable[..., Path], tmp_path: Path) -> None:
    """A mix of rows that were trained on and others, in other letters."""
    train = [json.loads(line) for line in (run.folder / "train.jsonl").read_text(encoding="utf-8").splitlines()][:6]
    rows = [{**row, "prompt": f"  {row['prompt'].upper()} "} for row in train]
    rows += [{"prompt": f"what is thing {n}?", "completion": "blue"} for n in range(4)]
    items = tmp_path / "items.jsonl"
    items.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    told = Told()
    seen, sentence = measured(tiny("llama"), run.path, items, tmp_path / "m", told)
    assert seen == 6
    assert "10 items, 6 of which were trained on" in sentence
    assert "unseen" not in sentence
    assert any("6 of 10 items" in notice.message for notice in told.of(Notice))


def test_of_a_model_that_no_run_made_nothing_is_said(run: Ran, tiny: Callable[..., Path], tmp_path: Path) -> None:
    seen, sentence = measured(tiny("llama"), tiny("llama"), run.folder / "test.jsonl", tmp_path / "m")
    assert seen is None
    assert "unseen" not in sentence


@pytest.mark.parametrize("text", ["no keys at all", "\x00\xff"], ids=str)
def test_a_damaged_file_tells_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "trained_on.txt").write_text(text, encoding="utf-8")
    assert trained_on(tmp_path) is None
    assert count_trained_on(trained_on(tmp_path), []) is None


def test_plain_text_and_system_messages(tmp_path: Path) -> None:
    text = Example("t", (), "Once upon a time")
    asked = Example("a", (Message("system", "Be kind."), Message("user", "What is it?")), "blue")
    keep_trained_on(tmp_path, [text, asked])
    same = [Example("x", (), "once upon  a time"), Example("y", (Message("user", "what is it?"),), "red")]
    assert count_trained_on(trained_on(tmp_path), [*same, Example("z", (), "Never")]) == 2


def test_rows_of_another_template_are_not_unseen(run: Ran, tiny: Callable[..., Path], tmp_path: Path) -> None:
    train = [json.loads(line) for line in (run.folder / "train.jsonl").read_text(encoding="utf-8").splitlines()][:6]
    rows = [{**row, "prompt": f"Please answer in a word. Question: {row['prompt']}"} for row in train]
    rows += [
        {"prompt": f"Please answer in a word. Question: who was king {n}?", "completion": "blue"} for n in range(4)
    ]
    items = tmp_path / "items.jsonl"
    items.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    assert measured(tiny("llama"), run.path, items, tmp_path / "m")[0] == 6
