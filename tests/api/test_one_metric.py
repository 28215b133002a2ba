"""The same rows are scored by the same metric, whichever verb asks and however few of them it takes."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from keeptune.api.check import check
from keeptune.api.evaluate import evaluate
from keeptune.api.measure import measure
from keeptune.api.tune import tune
from keeptune.config import DataConfig, EvaluationConfig, MeasureConfig, ModelConfig, TuneConfig
from keeptune.config.schema import MeasureRun
from keeptune.data.task_metrics import choose
from keeptune.data.task_rows import load_rows
from keeptune.events import Notice, silent
from keeptune.workspace.json_file import read_json_object
from tests.api.runs import CPU, Told, settings

LONG = "one two three four five six seven"


def _table(file: Path, answers: list[str]) -> str:
    with file.open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(("text", "label"))
        writer.writerows((f"the text of row {n}?", answer) for n, answer in enumerate(answers))
    return str(file)


@pytest.mark.parametrize(
    ("answers", "metric"),
    [
        ([f"word{n}" if n % 10 else LONG for n in range(100)], "exact_match"),
        ([f"word{n}" if n % 9 else LONG for n in range(100)], "token_f1"),
        (["good", "bad", "fair"] * 30, "choice_accuracy"),
    ],
    ids=["a tenth is long", "a ninth is long", "labels"],
)
def test_check_tune_and_any_limit_choose_alike(
    tiny: Callable[..., Path], tmp_path: Path, answers: list[str], metric: str
) -> None:
    data = DataConfig(train=_table(tmp_path / "rows.csv", answers))
    config = TuneConfig(model=ModelConfig(name=str(tiny("llama")), **CPU), data=data)
    report = check(config)
    assert report.metric == metric
    for limit in (2, 5, 11, None):
        rows = load_rows(replace(config, data=replace(data, limit_test=limit, limit_train=limit)), silent)
        assert choose(EvaluationConfig(), rows.test, rows.pool).primary.name == metric


def test_labels_of_a_table_are_told_scored_and_kept_with_the_weights(tiny: Callable[..., Path], tmp_path: Path) -> None:
    train = _table(tmp_path / "train.csv", ["good", "bad", "fair"] * 10)
    test = _table(tmp_path / "test.csv", ["good", "bad"] * 2)
    config = settings(tiny("llama"), tmp_path, "run", epochs=1.0)
    data = DataConfig(train=train, test=test)
    config = replace(
        config,
        data=data,
        evaluation=EvaluationConfig(max_new_tokens=4),
        measure=MeasureConfig(extent="quick", abilities=("none",)),
    )
    told = Told()
    result = tune(config, told)
    assert result.primary_metric == "choice_accuracy"
    assert sum(notice.kind == "labels" for notice in told.of(Notice)) == 1
    assert result.forgetting is not None
    (confusion,) = result.forgetting.confusions
    assert confusion.labels == ("bad", "fair", "good")
    assert read_json_object(tmp_path / "run" / "adapter" / "task_format.json", "")["choices"] == "bad,fair,good"
    # Four rows of two labels would not be taken for labels by themselves.
    tuned = ModelConfig(name=str(tmp_path / "run"), **CPU)
    asked = EvaluationConfig(max_new_tokens=4)
    assert evaluate(tuned, DataConfig(test=test), asked, str(tmp_path / "eval")).primary_metric == "choice_accuracy"
    run = MeasureRun(
        base=config.model,
        tuned=tuned,
        data=DataConfig(test=test),
        evaluation=asked,
        measure=MeasureConfig(extent="quick", abilities=("none",)),
        output=str(tmp_path / "measure"),
    )
    assert measure(run).confusions[0].labels == ("bad", "fair", "good")
