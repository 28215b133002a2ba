"""JSON of others is read as if it had been made to do harm."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from keeptune.records import AbilityReport, Answer, EvalRecord, TuneResult, from_plain, to_plain
from keeptune.workspace import json_file
from keeptune.workspace.json_file import parse_json, read_json_file, read_json_lines, read_object
from tests.report.forgetting_reports import forgetting_report

HOSTILE = {
    "deep lists": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "deep enough for what reads it": b"[" * 300 + b"]" * 300,
    "cut off": b'{"a": [1, 2',
    "no UTF-8": b'{"a": "\xff"}',
    "NaN": b'{"a": NaN}',
    "infinite": b'{"a": -Infinity}',
    "a number of many digits": b"9" * 100_000,
    "empty": b"",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_is_an_ordinary_error(what: str, tmp_path: Path) -> None:
    file = tmp_path / "file.json"
    file.write_bytes(HOSTILE[what])
    with pytest.raises(ValueError):
        read_json_file(file)
    if what != "empty":
        with pytest.raises(ValueError):
            read_json_lines(file)


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "nothing", "link to a pipe"])
def test_what_is_no_file_is_not_waited_for(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "link to a pipe":
        os.mkfifo(tmp_path / "pipe")
        path.symlink_to(tmp_path / "pipe")
    with pytest.raises(OSError):
        read_json_file(path)


def test_a_file_of_more_bytes_than_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_file, "MOST_BYTES", 10)
    (tmp_path / "a.json").write_text('"' + "x" * 100 + '"')
    monkeypatch.setattr(json_file.read_regular, "__defaults__", (10,))
    with pytest.raises(ValueError, match="bytes"):
        read_json_file(tmp_path / "a.json")


def test_an_object_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[1]")
    with pytest.raises(ValueError, match="object"):
        read_object(tmp_path / "a.json")


def test_what_is_whole_is_read() -> None:
    assert parse_json(b'{"a": [1, 2.5, null, true, "\xc3\xa9"]}') == {"a": [1, 2.5, None, True, "é"]}
    deep: Any = 1
    for _ in range(json_file.MOST_DEPTH - 1):
        deep = [deep]
    assert parse_json(str(deep)) == deep


RECORDS: list[Any] = [Answer("a", "b"), forgetting_report()]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_any_value_of_another_type_is_a_value_error(record: Any) -> None:
    """Each field in turn, with each sort of value: it is either read as its type says or refused."""
    plain = to_plain(record)
    assert from_plain(type(record), plain) == record
    for field in plain:
        for value in ([], {}, "text", 3, 2.5, None, True, [[]], {"type": "Interval"}, [None], [3], {"a": [{}]}):
            try:
                read = from_plain(type(record), plain | {field: value})
            except ValueError:
                continue
            assert to_plain(read).keys() == plain.keys()


@pytest.mark.parametrize("kind", [EvalRecord, AbilityReport, TuneResult, tuple[int, ...], dict[str, int], float])
@pytest.mark.parametrize("plain", [None, 3, "x", [], [1, "a"], {}, {"a": "b"}, {"type": 3}, True])
def test_a_whole_of_another_shape_is_a_value_error(kind: Any, plain: Any) -> None:
    fits = {float: (3,), tuple[int, ...]: ([],), dict[str, int]: ({}, {"type": 3})}
    if type(plain) is not bool and plain in fits.get(kind, ()):
        return
    with pytest.raises(ValueError):
        from_plain(kind, plain)
