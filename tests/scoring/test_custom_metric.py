"""A user's own metric: what works, and the message of everything that does not."""

import os
import sys

import pytest
from scoring_items import example, wrote

from keeptune.config.schema import EvaluationConfig
from keeptune.data.task_metrics import choose
from keeptune.errors import MetricError
from keeptune.inference.answers import score_answers
from keeptune.records import Answer
from keeptune.scoring.metric import UNSCORED, corpus_score
from keeptune.scoring.metrics.bleu import Bleu
from keeptune.scoring.table import METRICS, _as_metric, get_metric

OF_PARTS = """
from __future__ import annotations
from dataclasses import dataclass
from helper_of_metric import POINTS

@dataclass
class Found:
    points: float = POINTS

def score(output, references, example):
    return Found().points
"""
CODE = """
import numpy as np

def length(output, references, example):
    return 10.0 * len(output)

def same(output: str, references, example) -> bool:
    return output in references

def numpy_bool(output, references, example):
    return np.bool_(output == "x")

def errors(output, references, example):
    return len(output)
errors.higher_is_better = False

def raises(output, references, example):
    return 1 / 0

def words(output, references, example):
    return "good"

def nan(output, references, example):
    return float("nan")

def lies(output, references, example) -> bool:
    return 0.5

def one_argument(output):
    return 1.0

not_a_function = 3
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(CODE)
    return path


def score(file, function, text="x", *references):
    return get_metric(f"{file}:{function}").item(
        wrote(text, "item-7"), example(*(references or ("x",)), item_id="item-7")
    )


def test_a_float_is_points_and_a_bool_is_all_or_nothing(file):
    metric = get_metric(f"{file}:length")
    assert metric.name == f"{file}:length"
    assert not metric.binary
    scores = [metric.item(wrote(text), example("x")) for text in ("ab", "abcd")]
    assert corpus_score(metric, scores) == 30
    assert score(file, "same").value == 100
    assert score(file, "same", "y").value == 0
    assert score(file, "numpy_bool").value == 100
    assert get_metric(f"{file}:same").binary
    assert not get_metric(f"{file}:errors").higher_is_better
    assert metric.item(Answer("i0"), example("x")) == UNSCORED


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("raises", "raised ZeroDivisionError on item item-7"),
        ("words", "returned 'good' \\(str\\) on item item-7"),
        ("nan", "returned nan on item item-7"),
        ("lies", "annotated `-> bool` but returned 0.5 on item item-7"),
        ("one_argument", "not three arguments"),
        ("not_a_function", "it is a int, not a function"),
        ("absent", "has no function 'absent'"),
    ],
)
def test_what_goes_wrong_is_said(file, function, message):
    with pytest.raises(MetricError, match=message) as caught:
        score(file, function)
    assert caught.value.fix


@pytest.mark.parametrize(
    ("code", "message"),
    [("import not_there", "ModuleNotFoundError"), ("def broken(:", "SyntaxError"), ("exit(3)", "SystemExit")],
)
def test_a_file_that_does_not_import(tmp_path, code, message):
    path = tmp_path / "bad.py"
    path.write_text(code)
    with pytest.raises(MetricError, match=message):
        get_metric(f"{path}:score")


def test_a_file_that_is_not_there():
    with pytest.raises(MetricError, match=r"there is no file nowhere\.py"):
        get_metric("nowhere.py:score")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("rouge-1", "rouge1"),
        ("RougeL", "rougeL"),
        ("exactmatch", "exact_match"),
        ("chrF", "chrf"),
        ("blue", "bleu"),
    ],
)
def test_a_misspelt_name_gets_a_suggestion(typed, meant):
    with pytest.raises(MetricError, match=f"did you mean {meant}\\?"):
        get_metric(typed)


def test_an_unknown_name_lists_the_known():
    with pytest.raises(MetricError) as caught:
        get_metric("zzzzzz")
    assert "did you mean" not in caught.value.fix
    assert all(name in caught.value.fix for name in METRICS)


def test_every_row_of_the_table_carries_its_own_name():
    assert all(name == metric.name for name, metric in METRICS.items())
    assert all((metric.unit == "nats") == (metric.needs == "loss") for _, metric in METRICS.items())


def test_a_file_imports_what_lies_beside_it_and_defines_classes(tmp_path):
    before = list(sys.path)
    for folder, points in (("a", 25.0), ("b", 50.0)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "metric.py").write_text(OF_PARTS.replace("helper_of_metric", f"helper_{folder}"))
        (tmp_path / folder / f"helper_{folder}.py").write_text(f"POINTS = {points}")
    first, second = (get_metric(f"{tmp_path}/{folder}/metric.py:score") for folder in ("a", "b"))
    found = [metric.item(wrote("x"), example("x")).value for metric in (first, second)]
    assert found == [25.0, 50.0]
    assert sys.path == before


def test_a_file_is_read_once_until_it_is_written_again(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("print('read')\nCALLS = []\ndef score(output, references, example):\n    return 1.0\n")
    get_metric(f"{path}:score")
    module = sys.modules[f"keeptune_custom:{path.resolve()}"]
    get_metric(f"{path}:score")
    assert sys.modules[f"keeptune_custom:{path.resolve()}"] is module
    path.write_text("def score(output, references, example):\n    return 2.0\n")
    os.utime(path, ns=(1, 1))
    get_metric(f"{path}:score")
    assert sys.modules[f"keeptune_custom:{path.resolve()}"] is not module


OF_SCALES = """
import os, sys

def share(output, references, example):
    return float(output in references)

def declared(output, references, example):
    return 0.5 if output in references else 0.0
declared.scale = 1

def few_points(output, references, example):
    return float(output in references)
few_points.scale = 100

def errors(output, references, example):
    return float(output not in references)
errors.higher_is_better = False

def points(output, references, example):
    return 100.0 * (output in references)

def truth(output, references, example):
    return output in references

def bad_scale(output, references, example):
    return 1.0
bad_scale.scale = "one"

def quits(output, references, example):
    sys.exit(0)

def stops(output, references, example):
    raise GeneratorExit

def huge(output, references, example):
    return 10**400

def moves(output, references, example):
    os.chdir("/")
    return 100.0

def interrupted(output, references, example):
    raise KeyboardInterrupt
"""


@pytest.fixture
def of_scales(tmp_path):
    path = tmp_path / "scales.py"
    path.write_text(OF_SCALES, encoding="utf-8")
    return path


ITEMS = [example(f"answer {i}", item_id=f"i{i}") for i in range(20)]


@pytest.mark.parametrize("function", ["share", "errors"])
def test_values_from_0_to_1_are_refused_before_anything_is_trained_with_the_fix(of_scales, function):
    with pytest.raises(MetricError, match="from 0 to 1") as caught:
        choose(EvaluationConfig(metrics=(f"{of_scales}:{function}",)), ITEMS)
    assert f"`{function}.scale = 1`" in caught.value.fix
    metric = get_metric(f"{of_scales}:{function}")
    with pytest.raises(MetricError, match="from 0 to 1"):
        score_answers(ITEMS, [Answer(e.id, e.completion if e.id < "i15" else "no", "stop") for e in ITEMS], [metric])


def test_a_declared_scale_or_one_that_shows_is_taken(of_scales):
    for function, perfect in (("declared", 50), ("few_points", 1), ("points", 100), ("truth", 100)):
        found = choose(EvaluationConfig(metrics=(f"{of_scales}:{function}",)), ITEMS).primary
        assert found.item(wrote(ITEMS[0].completion), ITEMS[0]).value == perfect
    with pytest.raises(MetricError, match="its scale is 'one'"):
        get_metric(f"{of_scales}:bad_scale")


@pytest.mark.parametrize(
    ("function", "message"), [("quits", "SystemExit"), ("stops", "GeneratorExit"), ("huge", "returned inf")]
)
def test_nothing_that_a_metric_does_ends_the_run_in_silence(of_scales, function, message):
    with pytest.raises(MetricError, match=message):
        score(of_scales, function)
    with pytest.raises(MetricError, match=message):
        choose(EvaluationConfig(metrics=(f"{of_scales}:{function}",)), ITEMS)


def test_the_working_directory_stays_and_ctrl_c_still_stops(of_scales, tmp_path):
    before = os.getcwd()
    assert score(of_scales, "moves").value == 100
    (tmp_path / "away.py").write_text("import os\nos.chdir('/')\ndef score(o, r, e):\n    return 100.0\n")
    get_metric(f"{tmp_path / 'away.py'}:score")
    assert os.getcwd() == before
    with pytest.raises(KeyboardInterrupt):
        score(of_scales, "interrupted")


def test_what_a_plugin_registers_is_a_metric_under_its_own_name() -> None:
    function = _as_metric("same", lambda output, references, example: output == references[0])
    assert (function.name, function.needs, function.binary) == ("same", "output", False)
    assert _as_metric("bleu", Bleu) == METRICS["bleu"]
    with pytest.raises(MetricError, match="calls itself bleu"):
        _as_metric("other", Bleu)
    with pytest.raises(MetricError, match="not a function"):
        _as_metric("number", 3)
