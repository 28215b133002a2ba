"""Rows read one at a time are those that are read at once, good and bad."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from keeptune.data.formats.jsonl import read_jsonl, stream_jsonl
from keeptune.errors import Problem

GOOD = json.dumps({"prompt": "a\u2028b ü", "completion": "c"}, ensure_ascii=False).encode()
LINES = st.sampled_from(
    [GOOD, GOOD + b"\r", b"", b"  ", b"[1]", b'{"a": 1, "a": 2}', b'{"a": "\xff"}', b'{"a": \0}', b'{"a": "b', b"{" * 9]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(LINES, max_size=6), st.booleans(), st.booleans())
@example([b"\xef\xbb\xbf" + GOOD], False, False)
@example([b"\xff\xfe{"], False, False)
@example([b"\x1f\x8b"], False, True)
def test_equal_to_reading_at_once(lines: list[bytes], mark: bool, ended: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "rows.jsonl"
        path.write_bytes(b"\xef\xbb\xbf" * mark + b"\n".join(lines) + b"\n" * ended)
        whole, one_by_one = read_jsonl(path), list(stream_jsonl(path))
    assert tuple(read for read in one_by_one if not isinstance(read, Problem)) == whole.rows
    assert tuple(read for read in one_by_one if isinstance(read, Problem)) == whole.problems


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf", b'{"a": 1}\n{"a'])
def test_the_same_words(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    problems = [read for read in stream_jsonl(path) if isinstance(read, Problem)]
    assert tuple(problems) == read_jsonl(path).problems
    assert problems
