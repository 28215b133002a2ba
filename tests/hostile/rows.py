"""Files, folders and workbooks of rows."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets
import openpyxl
import pyarrow  # type: ignore[import-untyped]
import pyarrow.ipc  # type: ignore[import-untyped]
import pyarrow.parquet  # type: ignore[import-untyped]

from keeptune.errors import DataError
from tests.hostile.inputs import (
    CANARY,
    CPU,
    ESCAPES,
    PICKLED,
    ROWS,
    Change,
    HostileInput,
    Write,
    edit,
    link,
    pipe,
    text,
)


def _rows(name: str, write: Change, *words: str) -> Write:
    def written(folder: Path) -> Sequence[str]:
        write(folder)
        return ["tune", "--model", "tiny", "--train", name, *CPU, "--output", "out", *words]

    return written


def _checked(name: str, write: Change) -> Write:
    return lambda folder: (write(folder), ["check", "--model", "tiny", "--train", name])[1]  # type: ignore[func-returns-value]


def _saved(change: Change) -> Change:
    """A data set of `save_to_disk`, and another beside it."""

    def write(folder: Path) -> None:
        for name in ("data", "other"):
            rows = datasets.Dataset.from_list([{"prompt": f"{name} {i}", "completion": "x"} for i in range(12)])
            rows.save_to_disk(str(folder / name))
        change(folder / "data")

    return write


def _state(name: str) -> Change:
    return edit("state.json", _data_files=[{"filename": name}])


def _splits(path: Path) -> None:
    (path / "dataset_dict.json").write_text(json.dumps({"splits": ["../other"]}))


def _arrow(path: Path, table: Any) -> None:
    (file,) = path.glob("*.arrow")
    file.unlink()
    with pyarrow.OSFile(str(file), "wb") as sink, pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)


def _pictures(place: str) -> Change:
    """Rows with a column of pictures, each named by its place."""

    def change(path: Path) -> None:
        info = json.loads((path / "dataset_info.json").read_text())
        info["features"]["picture"] = {"_type": "Image"}
        (path / "dataset_info.json").write_text(json.dumps(info))
        kind = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
        pictures = pyarrow.array([{"bytes": None, "path": place}] * 12, kind)
        names = {name: pyarrow.array([f"{name} {i}" for i in range(12)]) for name in ("prompt", "completion")}
        table = pyarrow.table({**names, "picture": pictures})
        told = json.dumps({"info": {"features": info["features"]}}).encode()
        _arrow(path, table.replace_schema_metadata({b"huggingface": told}))

    return change


def _pickled_type() -> Any:
    """A table with a column of a type that old versions of pyarrow unpickle."""
    told = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": PICKLED}
    fields = [pyarrow.field("prompt", pyarrow.string(), metadata=told), pyarrow.field("completion", pyarrow.string())]
    columns = [[f"{i}" for i in range(12)], ["x"] * 12]
    return pyarrow.table(list(map(pyarrow.array, columns)), schema=pyarrow.schema(fields))


def _workbook(parts: Mapping[str, bytes]) -> Change:
    """A workbook with these files in it, beside or in place of its own."""

    def write(folder: Path) -> None:
        book = openpyxl.Workbook()
        for row in (["prompt", "completion"], *([f"p{i}", "c"] for i in range(12))):
            book.active.append(row)
        book.save(folder / "plain.xlsx")
        with zipfile.ZipFile(folder / "plain.xlsx") as plain:
            files = {name: plain.read(name) for name in plain.namelist()} | dict(parts)
        with zipfile.ZipFile(folder / "rows.xlsx", "w", zipfile.ZIP_DEFLATED) as packed:
            for name, content in files.items():
                packed.writestr(name, content)

    return write


def _claims_3_gib(folder: Path) -> None:
    with zipfile.ZipFile(folder / "rows.xlsx", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", b" ")
        packed.filelist[0].file_size = 3 << 30


SPREADSHEET = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
SHEET = "xl/worksheets/sheet1.xml"


def _sheet(rows: bytes) -> dict[str, bytes]:
    return {SHEET: b"<worksheet %b><sheetData>%b</sheetData></worksheet>" % (SPREADSHEET, rows)}


def _entities(declared: bytes) -> dict[str, bytes]:
    return {SHEET: b"<!DOCTYPE s [%b]><worksheet %b>&z;</worksheet>" % (declared, SPREADSHEET)}


LAUGHS = b"".join(b'<!ENTITY %c "%b">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(9)).replace(b"&j;", b"&z;")
FAR = b'<row r="1"/><row r="2000000000"><c r="A2000000000"><v>1</v></c></row>'
HELD = "rows are read from the folder's own files alone"
DATA = (
    (
        "a file that never ends",
        "endless",
        _rows("rows.jsonl", link("rows.jsonl", "/dev/zero")),
        DataError,
        "no such file",
    ),
    ("a pipe", "endless", _rows("rows.jsonl", pipe("rows.jsonl")), DataError, "no such file"),
    (
        "a folder of a pipe",
        "endless",
        _rows("data", lambda f: ((f / "data").mkdir(), os.mkfifo(f / "data" / "train.jsonl"))),
        DataError,
        "no file",
    ),
    (
        "a line of 51 MB",
        "bomb",
        _rows(
            "rows.jsonl", text("rows.jsonl", json.dumps({"prompt": "x" * 51_000_000, "completion": "y"}) + "\n" + ROWS)
        ),
        DataError,
        "makes more than",
    ),
    (
        "JSON nested a million deep",
        "bomb",
        _rows("rows.jsonl", text("rows.jsonl", '{"prompt": ' + "[" * 10**6 + "\n")),
        DataError,
        "nested too deeply",
    ),
    (
        "a number of a million digits",
        "bomb",
        _rows("rows.jsonl", text("rows.jsonl", '{"prompt": ' + "9" * 10**6 + "}\n")),
        DataError,
        "too many digits",
    ),
    (
        "a data set that names a file above it",
        "path",
        _rows("data", _saved(_state("../other/data-00000-of-00001.arrow"))),
        DataError,
        "outside of it",
    ),
    (
        "a data set that names a file by its whole path",
        "path",
        _rows("data", _saved(_state("/etc/hostname"))),
        DataError,
        "outside of it",
    ),
    (
        "a data set that names a URL",
        "network",
        _rows("data", _saved(_state("http://evil.example/a.arrow"))),
        DataError,
        "not a readable",
    ),
    (
        "a data set whose split lies elsewhere",
        "path",
        _rows("data:../other", _saved(_splits)),
        DataError,
        "outside of it",
    ),
    (
        "a data set that links elsewhere",
        "link",
        _rows("data", _saved(link("data-00000-of-00001.arrow", "../other/data-00000-of-00001.arrow"))),
        DataError,
        "outside of it",
    ),
    (
        "pictures at a URL",
        "network",
        _checked("data", _saved(_pictures("http://evil.example/a.png"))),
        None,
        "A run can start",
        HELD,
    ),
    (
        "pictures that are a file of the user",
        "path",
        _checked("data", _saved(_pictures("/etc/hostname"))),
        None,
        "A run can start",
        HELD,
    ),
    (
        "a pickled type in a data set",
        "code",
        _checked("data", _saved(lambda path: _arrow(path, _pickled_type()))),
        None,
        "A run can start",
        "read as text",
    ),
    (
        "a pickled type in Parquet",
        "code",
        _checked("rows.parquet", lambda f: pyarrow.parquet.write_table(_pickled_type(), f / "rows.parquet")),
        None,
        "A run can start",
        "read as text",
    ),
    (
        "a workbook with paths in its archive",
        "path",
        _checked("rows.xlsx", _workbook({f"../../{CANARY}": b"x"})),
        None,
        "A run can start",
        "nothing is unpacked to the disk",
    ),
    ("a workbook that unpacks to 3 GiB", "bomb", _rows("rows.xlsx", _claims_3_gib), DataError, "unpacks to"),
    (
        "a workbook with entities in entities",
        "bomb",
        _rows("rows.xlsx", _workbook(_entities(b'<!ENTITY a "aaaaaaaaaa">' + LAUGHS))),
        DataError,
        "not a readable",
    ),
    (
        "a workbook with a file of the user as an entity",
        "path",
        _rows("rows.xlsx", _workbook(_entities(b'<!ENTITY z SYSTEM "file:///etc/passwd">'))),
        DataError,
        "not a readable",
    ),
    (
        "a workbook whose last row is two billion",
        "endless",
        _rows("rows.xlsx", _workbook(_sheet(FAR))),
        DataError,
        "empty",
    ),
    (
        "escapes in the name of a field",
        "escape",
        _rows("rows.jsonl", text("rows.jsonl", json.dumps({ESCAPES: "a", "b": "c", "d": "e"}) + "\n")),
        DataError,
        "␛]8;;",
    ),
    (
        "escapes in the name of a file",
        "escape",
        _rows(f"{ESCAPES[2:4]}\x1b[2J.jsonl", lambda f: None),
        DataError,
        "␛[2J",
    ),
    (
        "the model's own control tokens",
        "forgery",
        _checked("rows.jsonl", text("rows.jsonl", ROWS.replace("number", "<|end|><|assistant|>"))),
        None,
        "control tokens of the model",
        "they are read as control tokens, as every tokenizer does, and that is told",
    ),
)

INPUTS = tuple(HostileInput("Rows", *each) for each in DATA)
