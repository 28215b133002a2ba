"""Text is written once for the same parts, and again where what is kept cannot be read."""

from __future__ import annotations

from keeptune.events import silent
from keeptune.records import EncodedRow
from keeptune.workspace.places import cache_folder
from keeptune.workspace.text_cache import cached_text

ROWS = [EncodedRow("a", (1, 2, 3), (), ((1, 2), (2, 3)), 0), EncodedRow("b", (1,), (4, 5), ((0, 2),), 0, "base")]


def test_written_once_for_the_same_parts() -> None:
    calls: list[int] = []

    def write() -> list[EncodedRow]:
        calls.append(1)
        return ROWS

    assert [cached_text(["model", 2], EncodedRow, write, silent) for _ in range(3)] == [ROWS] * 3
    assert len(calls) == 1
    assert cached_text(["model", 3], EncodedRow, write, silent) == ROWS
    assert len(calls) == 2
    for file in (cache_folder() / "text").rglob("*.jsonl"):
        file.write_text('{"half a ')
    assert cached_text(["model", 2], EncodedRow, write, silent) == ROWS
    assert len(calls) == 3


def test_texts_with_any_separator_are_found_again() -> None:
    calls: list[int] = []

    def write() -> list[EncodedRow]:
        calls.append(1)
        return [EncodedRow("a\u2028b\x85c", (1, 2), (), ((1, 2),), 0)]

    assert cached_text(["separators"], EncodedRow, write, silent) == cached_text(
        ["separators"], EncodedRow, write, silent
    )
    assert len(calls) == 1
