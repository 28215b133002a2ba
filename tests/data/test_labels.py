"""Labels that rows do not hold: when they are found, how they are named, and what is no label."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from keeptune.config.load import load_config
from keeptune.config.schema import DataConfig
from keeptune.data.check_report import CheckReport
from keeptune.data.labels import find_labels, named_labels, with_labels, written
from keeptune.data.load import load_examples
from keeptune.data.validate import check_data
from keeptune.errors import ConfigError
from keeptune.records import Example, Message


def _rows(*answers: str, times: int = 10) -> tuple[Example, ...]:
    return tuple(
        Example(f"{n}", (Message("user", f"text {n}"),), answer, (answer,), source=f"rows.csv:{n + 2}")
        for n, answer in enumerate(answers * times)
    )


@pytest.mark.parametrize(
    ("answers", "times", "labels"),
    [
        (("good", "bad"), 10, ("bad", "good")),
        (("0", "1"), 10, ("0", "1")),
        (("very good ", "very good", "not so bad at all"), 10, ("not so bad at all", "very good")),
        (("good", "bad"), 9, ()),
        (("good",), 30, ()),
        (tuple(map(str, range(12))), 10, ()),
        (tuple(f"answer {n}" for n in range(60)), 4, ()),
        (tuple(f"label {n}" for n in range(61)), 10, ()),
        (("yes", "it depends on what you mean by that"), 20, ()),
        (("yes", "one\ntwo"), 20, ()),
    ],
    ids=["words", "numbers", "phrases", "few rows", "one", "sums", "few repeats", "many", "free text", "lines"],
)
def test_labels_are_few_short_answers_that_repeat(
    answers: tuple[str, ...], times: int, labels: tuple[str, ...]
) -> None:
    assert find_labels(_rows(*answers, times=times)) == labels


def test_one_answer_that_occurs_once_is_named_and_no_labels_are_taken() -> None:
    rows = (*_rows("good", "bad", times=30), *_rows("gut", times=1))
    found = with_labels(rows, (), DataConfig(train="rows.csv"))
    assert found.labels == ()
    (note,) = found.problems
    assert (note.severity, note.line) == ("note", 2)
    assert "--choices bad,good" in str(note)
    assert '"gut"' in str(note)


def test_plain_text_and_rows_of_several_references_have_no_labels() -> None:
    rows = _rows("good", "bad")
    assert find_labels([Example(row.id, (), row.completion) for row in rows]) == ()
    assert find_labels([Example(row.id, row.prompt, row.completion, ("good", "fine")) for row in rows]) == ()


def test_train_and_test_have_the_same_labels_and_another_answer_is_an_error_of_its_line() -> None:
    train, test = _rows("good", "bad", "so so"), _rows("good", "bda", times=1)
    found = with_labels(train, test, DataConfig(train="train.csv", test="rows.csv"))
    assert {row.choices for row in (*found.train, *found.test)} == {("bad", "good", "so so")}
    note, error = found.problems
    assert (note.severity, note.file) == ("note", "train.csv")
    assert "--choices none" in note.fix
    assert (error.severity, error.file, error.line) == ("error", "rows.csv", 3)
    assert "--choices 'bad,good,so so,bda'" in error.fix
    left_out = with_labels(train, test, DataConfig(skip_bad=True))
    assert len(left_out.test) == 1
    assert left_out.problems[-1].severity == "skipped"


def test_a_list_goes_before_what_would_be_found_and_none_turns_it_off() -> None:
    rows = _rows("good", "bad")
    assert with_labels(rows, (), DataConfig(choices="bad,good,so so")).train[0].choices == ("bad", "good", "so so")
    assert with_labels(rows, (), DataConfig(choices="none")).train == rows
    assert with_labels(rows, (), DataConfig(choices="auto")).labels == ("bad", "good")
    own = tuple(Example(r.id, r.prompt, r.completion, choices=("good", "bad")) for r in rows)
    assert with_labels(own, (), DataConfig()).train == own


@pytest.mark.parametrize("labels", [("a", "b"), ("a, or b", "c"), ("[a]", "b"), ("a",)])
def test_labels_are_written_as_the_setting_reads_them(labels: tuple[str, ...]) -> None:
    assert named_labels(written(labels)) == labels


def _checked(folder: Path, table: str, **settings: str) -> CheckReport:
    (folder / "rows.csv").write_text(table)
    return check_data(DataConfig(train=str(folder / "rows.csv"), **settings))  # type: ignore[arg-type]


FEW = "text,label,all\na,good,good|bad\nb,bad,good|bad\n"


@pytest.mark.parametrize(
    ("choices", "balance"),
    [
        ("label", {"bad": 1, "good": 1}),
        ("all", {"bad": 1, "good": 1}),
        ("bad,good,fair", {"bad": 1, "good": 1, "fair": 0}),
    ],
)
def test_a_field_of_a_table_holds_the_choices(tmp_path: Path, choices: str, balance: dict[str, int]) -> None:
    report = _checked(tmp_path, FEW, choices=choices)
    assert report.ok
    assert dict(report.roles[0].balance) == balance
    assert report.metric == "choice_accuracy"


def test_a_field_that_is_not_there(tmp_path: Path) -> None:
    (problem,) = _checked(tmp_path, FEW, choices="labl").errors
    assert 'did you mean "label"?' in str(problem)


def test_a_column_of_choices_needs_no_setting(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text('text,label,choices\na,good,good;bad\nb,bad,"[""good"", ""bad""]"\n')
    rows = load_examples(str(tmp_path / "rows.csv"), DataConfig(), "train").examples
    assert {row.choices for row in rows} == {("good", "bad")}


def test_the_setting_from_yaml_and_flags(tmp_path: Path) -> None:
    def read(value: object) -> str | None:
        (tmp_path / "run.yaml").write_text(json.dumps({"data": {"choices": value}}))
        return load_config(tmp_path / "run.yaml", {}, methods=(), metrics=()).data.choices

    assert read("auto") is None
    assert named_labels(read(["a, or b", 1]) or "") == ("a, or b", "1")
    assert read("label") == "label"
    with pytest.raises(ConfigError):
        read('["a"')
