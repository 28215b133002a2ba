"""Excel workbooks (``.xlsx``), read by openpyxl: values as they were last calculated, never formulas or macros."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from keeptune.data.formats.bounds import MOST_BYTES, shown_size, too_large
from keeptune.data.formats.raw_row import RawRows, failed
from keeptune.data.formats.reading import READERS, Reader, Reading
from keeptune.data.formats.table import Record, rows_of_records
from keeptune.errors import Problem, first_line
from keeptune.near_names import did_you_mean_quoted

_NOT_SHOWN = re.compile(r'\[[^]]*\]|"[^"]*"|\\.')
"""Parts of a cell's format that do not represent its value."""
MOST_CELLS = 10_000_000
"""Empty ones before the last of a row or of a sheet among them."""
LAST_ROW = 1_048_576
"""That of Excel. A file may name a later one, and all rows before it would be gone through."""


def read_excel(path: Path, reading: Reading) -> RawRows:
    """The rows of one sheet: the named one, the only one with cells, or the one named after the role."""
    file = str(path)
    from openpyxl import load_workbook

    try:
        with zipfile.ZipFile(path) as packed:
            unpacked = sum(part.file_size for part in packed.infolist())
        if unpacked > MOST_BYTES:
            return RawRows((), (too_large(file, f"it unpacks to {shown_size(unpacked)}"),), stem=path.stem)
        book = load_workbook(path, read_only=True, data_only=True, keep_links=False)
        try:
            return _rows(book, path, reading.part, reading.role)
        finally:
            book.close()
    except Exception as error:  # noqa: BLE001 - zipfile, the XML parser and openpyxl each raise their own
        message = f"not a readable Excel workbook: {first_line(error)}"
        return failed(file, "corrupt-excel", message, "save it again as .xlsx, or as CSV UTF-8")


READERS.add(".xlsx", Reader(read_excel, has_parts=True))


def _rows(book: Any, path: Path, sheet: str | None, role: str) -> RawRows:
    sheets = {each.title: each for each in book.worksheets}
    for each in sheets.values():
        # The declared size of a file may be wrong, or intended to exhaust the memory.
        each.reset_dimensions()
    filled = [
        name
        for name, each in sheets.items()
        if any(_filled(row) for row in each.iter_rows(max_row=LAST_ROW, values_only=True))
    ]
    named = [name for name in sheets if name == sheet] if sheet else [name for name in filled if name == role]
    chosen = named or ([] if sheet else filled)
    if len(chosen) != 1:
        return RawRows((), (_which(path, tuple(sheets), filled, sheet),), stem=path.stem)
    (name,) = chosen
    assumed = [f'the sheet "{name}"'] if len(sheets) > 1 and not sheet else []
    fix = "put a name above each column that holds something"
    problems: list[Problem] = []
    records = list(_records(sheets[name], str(path), problems))
    return rows_of_records(records, path, assumed, problems, fix)


def _records(sheet: Any, file: str, problems: list[Problem]) -> Iterator[Record]:
    left = MOST_CELLS
    width = 0
    for number, cells in enumerate(sheet.iter_rows(max_row=LAST_ROW), start=1):
        row = [_value(cell) for cell in cells]
        left -= len(row) + 1
        if left < 0:
            problems.append(too_large(file, f"the sheet has more than {MOST_CELLS:,} cells"))
            return
        if _filled(row):
            texts = ["" if value is None else _text(value) for value in row]
            width = width or len(texts)
            # A row ends with its last filled cell.
            yield number, texts + [""] * (width - len(texts))


def _filled(row: Sequence[Any]) -> bool:
    return any(cell is not None for cell in row)


def _value(cell: Any) -> Any:
    """The value of a cell; a date if it is shown without a time."""
    value = cell.value
    shows_time = isinstance(value, datetime) and re.search("[hs]", _NOT_SHOWN.sub("", cell.number_format).lower())
    return value.date() if isinstance(value, datetime) and not shows_time else value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _which(path: Path, sheets: Sequence[str], filled: Sequence[str], sheet: str | None) -> Problem:
    file = str(path)
    if sheet:
        message = f'no sheet "{sheet}"{did_you_mean_quoted(sheet, sheets)}; the sheets are {", ".join(sheets)}'
        return Problem(file, None, "unknown-split", message, f"name one, as in '{path.name}:{sheets[0]}'")
    if not filled:
        return Problem(file, None, "no-rows", "the workbook is empty", "give at least one row")
    message = f"the workbook has several sheets: {', '.join(filled)}"
    return Problem(file, None, "several-sheets", message, f"name one, as in '{file}:{filled[0]}'")
