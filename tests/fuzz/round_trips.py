"""Rows that were written are read as they were: by any writer's dialect, encoding and line ends."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from keeptune.data.formats import Reading, read_rows
from keeptune.data.formats.table import SPACE
from keeptune.workspace.table_file import WRITERS, is_formula, write_table
from tests.fuzz.readers import GROUP
from tests.fuzz.target import folder, of_values

CHARACTERS = st.characters(exclude_categories=("Cs",), exclude_characters="\0")
TEXTS = st.text(CHARACTERS, max_size=12)
"""Whatever UTF-8 holds but NUL, at which a file is taken for damaged."""
NAMES = TEXTS.map(str.strip).filter(lambda name: bool(name.strip(SPACE)) and name.strip(SPACE).strip() == name)
UNICODE = ("utf-8", "utf-8-sig", "utf-16")
ENDS = ("\n", "\r\n")


@st.composite
def tables(
    draw: st.DrawFn, cells: st.SearchStrategy[Any] = TEXTS, names: st.SearchStrategy[str] = NAMES
) -> list[dict[str, Any]]:
    """Rows with the same fields."""
    fields = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    return draw(st.lists(st.fixed_dictionaries(dict.fromkeys(fields, cells)), min_size=1, max_size=5))


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def read_back(name: str, data: bytes, reading: Reading) -> list[dict[str, Any]]:
    path = folder("round-trips") / name
    path.write_bytes(data)
    found = read_rows(str(path), "train", reading)
    assert not found.problems, found.problems
    return [row.row for row in found.rows]


def as_cells(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """What a table keeps: spaces at the ends of a cell, blank rows and line ends of Windows in a cell are told as left
    out; nothing else changes."""
    found = []
    for row in rows:
        cells = {name: cell.replace("\r\n", "\n") for name, cell in row.items()}
        kept = {name: cell if "\n" in cell else cell.strip(SPACE) for name, cell in cells.items()}
        if any(kept.values()):
            found.append(kept)
    return found


DIALECTS = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from(",;\t|"),
        "quoting": st.sampled_from((csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC)),
        "lineterminator": st.sampled_from(ENDS),
    }
)


@of_values("CSV written and read", GROUP, st.tuples(tables(), DIALECTS, st.sampled_from(UNICODE)))
def csv_dialects(value: tuple[list[dict[str, str]], dict[str, Any], str]) -> None:
    rows, dialect, encoding = value
    wanted = as_cells(rows)
    assume(wanted)
    # Python leaves the quotes out around a lone carriage return: nobody can tell that from a line end then.
    bare = dialect["quoting"] == csv.QUOTE_MINIMAL and dialect["lineterminator"] == "\n"
    assume(not bare or "\r" not in "".join(text for row in rows for pair in row.items() for text in pair))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), **dialect)
    writer.writeheader()
    writer.writerows(rows)
    told = None if encoding in ("utf-8-sig", "utf-16") else "utf-8"
    assert read_back("rows.csv", text.getvalue().encode(encoding), Reading(told, dialect["delimiter"])) == wanted


@of_values(
    "JSON Lines written and read",
    GROUP,
    st.tuples(tables(JSON_VALUES), st.sampled_from(UNICODE), st.sampled_from(ENDS), st.booleans(), st.booleans()),
)
def json_lines(value: tuple[list[dict[str, Any]], str, str, bool, bool]) -> None:
    rows, encoding, end, ascii_only, last_end = value
    text = end.join(json.dumps(row, ensure_ascii=ascii_only) for row in rows) + end * last_end
    assert read_back("rows.jsonl", text.encode(encoding), Reading()) == rows


@of_values(
    "JSON written and read",
    GROUP,
    st.tuples(tables(JSON_VALUES), st.sampled_from(UNICODE), st.sampled_from((None, 0, 2)), st.booleans()),
)
def json_list(value: tuple[list[dict[str, Any]], str, int | None, bool]) -> None:
    rows, encoding, indent, inside = value
    written = {"version": "1", "data": rows} if inside else rows
    text = json.dumps(written, ensure_ascii=False, indent=indent)
    assert read_back("rows.json", text.encode(encoding), Reading()) == rows


@of_values("tables of keeptune written and read", GROUP, st.tuples(tables(), st.sampled_from(tuple(WRITERS))))
def own_tables(value: tuple[list[dict[str, str]], str]) -> None:
    rows, suffix = value
    path = folder("round-trips") / f"own{suffix}"
    write_table(path, rows)
    is_table = suffix in (".csv", ".tsv")
    marked = [{name: f"'{text}" if is_formula(text) else text for name, text in row.items()} for row in rows]
    wanted = as_cells(marked) if is_table else rows
    assume(wanted)
    delimiter = {".csv": ",", ".tsv": "\t"}.get(suffix)
    found = read_rows(str(path), "train", Reading(delimiter=delimiter))
    assert not found.problems, found.problems
    assert [row.row for row in found.rows] == wanted


XLSX_TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=12)
XLSX_NAMES = XLSX_TEXTS.map(str.strip).filter(
    lambda name: bool(name.strip(SPACE)) and name.strip(SPACE).strip() == name
)


@of_values(
    "workbooks written and read", GROUP, tables(XLSX_TEXTS | st.integers(-(10**12), 10**12) | st.booleans(), XLSX_NAMES)
)
def workbooks(rows: list[dict[str, Any]]) -> None:
    from openpyxl import Workbook

    book = Workbook()
    sheet, fields = book.active, list(rows[0])
    for number, row in enumerate([fields, *([row[name] for name in fields] for row in rows)], start=1):
        for place, value in enumerate(row, start=1):
            cell = sheet.cell(number, place)
            cell.value = value
            if isinstance(value, str):
                cell.data_type = "s"  # a text that begins with "=" is no formula
    packed = io.BytesIO()
    book.save(packed)
    shown = {True: "true", False: "false"}
    wanted = as_cells([{n: shown[v] if isinstance(v, bool) else str(v) for n, v in row.items()} for row in rows])
    assume(wanted)
    assert read_back("rows.xlsx", packed.getvalue(), Reading()) == wanted


@of_values("Parquet written and read", GROUP, tables(TEXTS, TEXTS))
def parquet(rows: list[dict[str, str]]) -> None:
    import pyarrow
    import pyarrow.parquet

    packed = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), packed)
    assert read_back("rows.parquet", packed.getvalue(), Reading()) == rows
