"""Tables are written so that they are read as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from keeptune.data.formats import Reading, read_rows
from keeptune.workspace.table_file import WRITERS, write_table


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("text", ["a\rb", "end\r", "\r", 'a,\t"b"\n', "ü\u2028\x85", "sep=;"])
def test_what_is_written_is_read(tmp_path: Path, suffix: str, text: str) -> None:
    rows = [{"prompt": "a", "output": text}, {"prompt": "b", "output": "c"}]
    write_table(tmp_path / f"rows{suffix}", rows)
    raw = read_rows(
        str(tmp_path / f"rows{suffix}"), "train", Reading(delimiter={".csv": ",", ".tsv": "\t"}.get(suffix))
    )
    assert raw.problems == ()
    assert [row.row for row in raw.rows] == rows
