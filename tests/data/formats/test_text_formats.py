"""JSON Lines, JSON, CSV and TSV: every good row, with its line."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from keeptune.data.formats import RawRows, Reading, read_rows

ROW = {"prompt": 'Grüße,\u2028\n"x"\t', "completion": "ö"}


def _read(folder: Path, name: str, content: bytes) -> RawRows:
    (folder / name).write_bytes(content)
    return read_rows(str(folder / name), "train")


def _found(raw: RawRows) -> list[tuple[int | None, dict[str, Any]]]:
    assert raw.problems == ()
    return [(row.line, row.row) for row in raw.rows]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "BOM"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_jsonl(tmp_path: Path, mark: bytes, end: bytes) -> None:
    line = json.dumps(ROW, ensure_ascii=False).encode()
    assert _found(_read(tmp_path, "r.jsonl", mark + line + end + end + line)) == [(1, ROW), (3, ROW)]


def test_json_list_gives_the_line_of_each_row(tmp_path: Path) -> None:
    content = json.dumps([ROW, ROW], indent=1).encode()
    assert _found(_read(tmp_path, "r.json", content)) == [(2, ROW), (6, ROW)]
    assert _found(_read(tmp_path, "r.json", json.dumps({"version": 1, "data": [ROW]}).encode())) == [(1, ROW)]


def test_json_that_holds_json_lines_is_read_as_such(tmp_path: Path) -> None:
    line = json.dumps(ROW).encode()
    assert _found(_read(tmp_path, "r.json", line + b"\n" + line + b"\n")) == [(1, ROW), (2, ROW)]


def test_csv_rows_may_span_lines(tmp_path: Path) -> None:
    content = b'\xef\xbb\xbfprompt, completion\r\n"a\nb","say ""x"", y"\r\n\r\nc,d\r\n'
    assert _found(_read(tmp_path, "r.csv", content)) == [
        (2, {"prompt": "a\nb", "completion": 'say "x", y'}),
        (5, {"prompt": "c", "completion": "d"}),
    ]
    assert _found(_read(tmp_path, "r.tsv", b"a\tb\n1,5\t2\n")) == [(2, {"a": "1,5", "b": "2"})]


def test_a_very_long_field_is_read_and_the_limit_put_back(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    raw = _read(tmp_path, "r.csv", b"prompt,completion\n" + b"x" * 200_000 + b",y\n")
    assert len(_found(raw)[0][1]["prompt"]) == 200_000
    assert csv.field_size_limit() == before


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=80), name=st.sampled_from(["r.jsonl", "r.json", "r.csv", "r.tsv", "r.parquet"]))
@example(content=b"\x0b", name="r.jsonl")
@example(content="\u2003\n\x1c".encode(), name="r.jsonl")
def test_any_bytes_give_rows_or_problems_and_no_exception(tmp_path: Path, content: bytes, name: str) -> None:
    raw = _read(tmp_path, name, content)
    assert raw.rows or raw.problems


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(1, 60))
def test_a_file_cut_off_anywhere_is_noticed(tmp_path: Path, cut: int) -> None:
    whole = json.dumps([{"a": "b", "c": "d"}, {"a": "b", "c": "d"}], indent=1).encode()
    if cut < len(whole):
        assert [problem.kind for problem in _read(tmp_path, "r.json", whole[:cut]).problems] == ["truncated"]


def test_only_the_last_line_is_told_as_cut_off(tmp_path: Path) -> None:
    raw = _read(tmp_path, "r.jsonl", b'{"prompt": a}\n{"prompt": "\xff')
    assert [(problem.line, problem.kind) for problem in raw.problems] == [(1, "bad-json"), (2, "undecodable")]


@pytest.mark.parametrize("encoding", ["punycode", "idna", "utf-7", "unicode_escape"])
def test_an_encoding_that_does_not_fit_is_told(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "r.csv").write_bytes(b"prompt,completion\n\xff~+A,\\x\n")
    (problem,) = read_rows(str(tmp_path / "r.csv"), "train", Reading(encoding=encoding)).problems
    assert problem.kind == "undecodable"
    assert f"is not {encoding}" in problem.message
