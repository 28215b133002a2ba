"""Files that unpack to more than is read: they are refused, with the bound in the message."""

from __future__ import annotations

import zipfile
from pathlib import Path

import openpyxl
import pyarrow
import pyarrow.parquet
import pytest

from keeptune.config.schema import DataConfig
from keeptune.data.formats import excel, hub, parquet, read_rows
from keeptune.data.load import read_examples


def _refused(path: Path) -> bool:
    (problem,) = read_rows(str(path), "train").problems
    assert "the limit per file is" in str(problem)
    return problem.kind == "too-large"


def test_parquet_that_repeats_one_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "x" * 100_000
    table = pyarrow.table(
        {"text": pyarrow.array([text] * 2000).dictionary_encode().cast("string"), "label": ["a"] * 2000}
    )
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet", compression="zstd")
    assert (tmp_path / "rows.parquet").stat().st_size < 30_000
    monkeypatch.setattr(parquet, "MOST_BYTES", 20_000_000)
    assert _refused(tmp_path / "rows.parquet")


def test_parquet_of_more_rows_or_larger_pages_than_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = pyarrow.table({"text": [f"{n}" * 1000 for n in range(100)], "label": ["a"] * 100})
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet", use_dictionary=False)
    monkeypatch.setattr(parquet, "MOST_ROWS", 99)
    assert _refused(tmp_path / "rows.parquet")
    monkeypatch.setattr(parquet, "MOST_ROWS", 100)
    monkeypatch.setattr(parquet, "MOST_BYTES", 50_000)
    assert _refused(tmp_path / "rows.parquet")


def test_a_saved_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    datasets.Dataset.from_list([{"text": "a" * 5000, "label": "b"}]).save_to_disk(str(tmp_path / "saved"))
    monkeypatch.setattr(hub, "MOST_BYTES", 4000)
    assert _refused(tmp_path / "saved")


def test_a_workbook_that_is_packed_tight_or_has_too_many_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = openpyxl.Workbook()
    for _ in range(100):
        book.active.append(["text", "label"])
    book.save(tmp_path / "rows.xlsx")
    monkeypatch.setattr(excel, "MOST_CELLS", 100)
    assert _refused(tmp_path / "rows.xlsx")
    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", b" " * 3_000_000)
    monkeypatch.setattr(excel, "MOST_BYTES", 2_000_000)
    assert _refused(tmp_path / "bomb.xlsx")


def test_a_template_that_makes_more_than_is_read(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(f'{{"text": "{"x" * 1000}", "label": "a"}}\n')
    config = DataConfig(prompt="{text}" * 30_000, completion="label")
    _, _, (problem,) = read_examples(str(tmp_path / "rows.jsonl"), config, "train")
    assert (problem.kind, problem.line) == ("too-large", 1)


def test_a_number_that_cannot_be_held_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"prompt": "a", "completion": 1e999}\n')
    _, _, (problem,) = read_examples(str(tmp_path / "rows.jsonl"), DataConfig(), "train")
    assert problem.kind == "wrong-type"
