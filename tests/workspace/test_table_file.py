"""Tables are written so that they are read as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from keeptune.data.formats import Reading, read_rows
from keeptune.workspace.table_file import WRITERS, is_formula, write_table


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("text", ["a\rb", "end\r", "a\r\rb", 'a,\t"b"\n', "ü\u2028\x85", "sep=;"])
def test_what_is_written_is_read(tmp_path: Path, suffix: str, text: str) -> None:
    rows = [{"prompt": "a", "output": text}, {"prompt": "b", "output": "c"}]
    write_table(tmp_path / f"rows{suffix}", rows)
    raw = read_rows(
        str(tmp_path / f"rows{suffix}"), "train", Reading(delimiter={".csv": ",", ".tsv": "\t"}.get(suffix))
    )
    assert raw.problems == ()
    assert [row.row for row in raw.rows] == rows


def test_only_what_a_spreadsheet_might_run_is_marked() -> None:
    assert all(map(is_formula, ("=1+1", "+A1", "-A1", "@SUM(1)", "\t=1", "\r=1", "- a\n- b")))
    assert not any(map(is_formula, ("", "a=b", "-3.5", "+1,000", "-2e-5", "50%", "'=1", " =1")))
