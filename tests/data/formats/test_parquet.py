"""Damaged Parquet files are told as such; none ends the process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from keeptune.data.formats import read_rows

READS_ALL = """
import sys
from pathlib import Path
from keeptune.data.formats import read_rows

file = Path("damaged.parquet")
whole = file.read_bytes()
for place in range(len(whole) - 8 - int.from_bytes(whole[-8:-4], "little"), len(whole) - 8):
    for change in (1, 2, 255):
        damaged = bytearray(whole)
        damaged[place] = (damaged[place] + change) % 256
        file.write_bytes(damaged)
        raw = read_rows(str(file), "train")
        assert raw.rows or raw.problems
print("all read")
"""


def test_a_damaged_byte_of_the_metadata_ends_no_process(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"prompt": ["a"]}), tmp_path / "damaged.parquet", store_schema=False)
    done = subprocess.run([sys.executable, "-c", READS_ALL], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "all read\n", done.stderr


@pytest.mark.parametrize(
    "column",
    [
        pyarrow.array([b"\xff"], pyarrow.binary()).view(pyarrow.string()),
        pyarrow.array([2**60], pyarrow.timestamp("us")),
    ],
    ids=["no UTF-8", "no date of Python's"],
)
def test_a_value_that_python_cannot_hold(tmp_path: Path, column: pyarrow.Array) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"prompt": column}), tmp_path / "r.parquet")
    (problem,) = read_rows(str(tmp_path / "r.parquet"), "train").problems
    assert problem.kind == "corrupt-parquet"


@pytest.mark.parametrize("features", [[], {"a": {"_type": "ClassLabel", "names": 3}}, None])
def test_class_names_of_another_shape_are_none(tmp_path: Path, features: Any) -> None:
    table = pyarrow.table({"a": ["x"]})
    told = {"huggingface": json.dumps({"info": {"features": features}})}
    pyarrow.parquet.write_table(table.replace_schema_metadata(told), tmp_path / "r.parquet")
    assert [row.row for row in read_rows(str(tmp_path / "r.parquet"), "train").rows] == [{"a": "x"}]
