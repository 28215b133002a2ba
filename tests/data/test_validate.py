"""The check's report."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from keeptune.config.schema import DataConfig
from keeptune.data.advice import advise_test, advise_train, half_width
from keeptune.data.token_lengths import LengthSummary
from keeptune.data.validate import check_data, label_balance
from keeptune.records import Example
from tests.data.examples import example, real_data, write_rows


def _count(examples: Sequence[Example]) -> list[tuple[int, int]]:
    return [(len(row.prompt_text.split()), len(row.completion.split())) for row in examples]


def _write(folder: Path, **settings: Any) -> DataConfig:
    """Ten train rows of 1 to 10 words, a repeat among them, and two test rows, one of them a leak."""
    words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"]
    rows = [{"id": f"t{n}", "prompt": " ".join(words[:n]), "completion": "x"} for n in range(1, 11)]
    rows[3]["prompt"] = "Alpha  BETA gamma"
    test = [{"id": "e1", "prompt": "beta alpha", "completion": "x"}, {"id": "e2", "prompt": "alpha", "completion": "y"}]
    train_path = write_rows(folder / "train.jsonl", rows)
    return DataConfig(train=train_path, test=write_rows(folder / "test.jsonl", test), **settings)


def test_a_whole_report(tmp_path: Path) -> None:
    report = check_data(_write(tmp_path), _count, max_length=9)
    assert report.ok
    assert [(role.role, role.examples, role.clusters, role.mapping) for role in report.roles] == [
        ("train", 10, 10, "prompt ← prompt, completion ← completion; kept: id"),
        ("test", 2, 2, "prompt ← prompt, completion ← completion; kept: id"),
    ]
    lengths = report.roles[0].lengths
    assert lengths is not None
    assert lengths.prompt == LengthSummary(1, 5, 10, 10)
    assert lengths.completion == LengthSummary(1, 1, 1, 1)
    assert lengths.too_long == ("t9", "t10")
    assert [(repeat.kind, repeat.first_id, repeat.second_id) for repeat in report.repeats] == [
        ("exact", "t3", "t4"),
        ("near", "t7", "t8"),
        ("near", "t8", "t9"),
        ("near", "t9", "t10"),
    ]
    assert [(repeat.first_id, repeat.second_id) for repeat in report.leaks] == [("e2", "t1")]
    by_kind = {problem.kind: problem for problem in report.warnings}
    assert set(by_kind) == {"too-long", "leak", "duplicate", "near-duplicate"}
    assert (by_kind["leak"].file, by_kind["leak"].line) == (f"{tmp_path}/train.jsonl", 1)
    assert f"occurs in test: {tmp_path}/test.jsonl:2" in by_kind["leak"].message
    assert by_kind["duplicate"].line == 4
    assert "2 of 10 rows are longer than 9 tokens" in by_kind["too-long"].message
    assert "prompts will be cut in the middle" in by_kind["too-long"].message


def test_rows_that_are_too_long_stop_the_run_where_the_setting_says_so(tmp_path: Path) -> None:
    report = check_data(_write(tmp_path, too_long="error", max_length=10), _count, max_length=5)
    assert [(problem.kind, problem.line) for problem in report.errors] == [("too-long", 10)]
    assert not report.ok


@pytest.mark.parametrize("too_long", ["error", "drop"])
def test_what_is_scored_is_cut_and_neither_refused_nor_dropped(tmp_path: Path, too_long: Any) -> None:
    found = _write(tmp_path, too_long=too_long, max_length=10)
    swapped = dataclasses.replace(found, train=found.test, test=found.train)
    report = check_data(swapped, _count, max_length=5)
    assert report.ok
    (told,) = (problem for problem in report.warnings if problem.kind == "too-long")
    assert "will be cut" in told.message


def test_without_a_tokenizer_lengths_are_unknown(tmp_path: Path) -> None:
    assert [role.lengths for role in check_data(_write(tmp_path)).roles] == [None, None]


def test_bad_files_are_reported_together(tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text("a,a\n")
    config = DataConfig(train=str(tmp_path / "none.jsonl"), test=str(tmp_path / "test.csv"))
    report = check_data(config)
    assert [problem.kind for problem in report.errors] == ["missing-file", "duplicate-header"]
    assert [problem.kind for problem in check_data(DataConfig()).errors] == ["no-data"]


def test_labels_are_counted_and_unseen_ones_told(tmp_path: Path) -> None:
    choices = ["yes", "no", "maybe"]
    rows = [{"prompt": f"is it {n}", "completion": "yes" if n < 3 else "no", "choices": choices} for n in range(5)]
    test = [{"prompt": "what of it", "completion": "maybe", "choices": choices}]
    config = DataConfig(
        train=write_rows(tmp_path / "train.jsonl", rows), test=write_rows(tmp_path / "test.jsonl", test)
    )
    report = check_data(config)
    assert report.roles[0].balance == (("yes", 3), ("no", 2), ("maybe", 0))
    assert [(problem.kind, problem.message) for problem in report.warnings] == [
        ("unseen-label", "labels that no train row has: maybe")
    ]
    assert any('"maybe", alone scores 100%' in line for line in report.advice)


def test_labels_are_counted_only_where_every_row_has_choices() -> None:
    rows = [example("a", "p", "yes", choices=("yes", "no")), example("b", "p", "free text")]
    assert label_balance(rows) == ()
    assert label_balance([]) == ()


def test_advice_by_size() -> None:
    assert "too few to tune" in advise_train(49)
    assert "`keeptune curve` shows whether more would help" in advise_train(300)
    assert "good size" in advise_train(500)
    assert "plenty" in advise_train(5000)
    assert half_width(500, "rouge1") == pytest.approx(1.36, abs=0.01)
    assert half_width(100, "label_accuracy") == pytest.approx(9.8, abs=0.01)
    assert "±3.0 points" in advise_test(100, "rougeL")
    assert "too few to measure" in advise_test(30, "exact_match")
    assert "too few to measure" in advise_test(0, "exact_match")


def test_a_slice_of_train_stands_for_the_test_that_is_not_given(tmp_path: Path) -> None:
    rows = [{"prompt": f"question number {n}", "completion": f"{n}"} for n in range(100)]
    report = check_data(DataConfig(train=write_rows(tmp_path / "train.jsonl", rows), limit_train=60))
    assert report.advice[0] == "no test file: about 20 of the 100 train rows are held out as test"
    assert report.advice[1].startswith("60 train rows")
    assert "20 test rows" in report.advice[2]


def test_dialogsum() -> None:
    report = check_data(DataConfig(train=real_data("dialogsum/train.jsonl"), test=real_data("dialogsum/dev.jsonl")))
    assert report.ok
    assert not report.shared_context
    kinds = [problem.kind for problem in report.warnings]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "duplicate": 9,
        "near-duplicate": 9,
        "leak": 5,
        "near-leak": 7,
    }


def test_questions_on_one_passage_are_no_repeats() -> None:
    report = check_data(DataConfig(train=real_data("xquad_en/train.jsonl")))
    assert report.shared_context
    assert len(report.warnings) < 10
    assert any("--group" in line for line in report.advice)
