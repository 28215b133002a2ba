"""CSV and TSV, with a header line."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from keeptune.data.formats.raw_row import RawRow, RawRows
from keeptune.data.formats.text_lines import read_lines
from keeptune.errors import Problem

_LONGEST_FIELD = 1 << 28


def read_csv(path: Path) -> RawRows:
    """Fields parted by commas."""
    return _read(path, ",")


def read_tsv(path: Path) -> RawRows:
    """Fields parted by tabs."""
    return _read(path, "\t")


def _read(path: Path, delimiter: str) -> RawRows:
    text = read_lines(path)
    if text.problems:
        return RawRows((), text.problems, stem=path.stem)
    file = str(path)
    rows: list[RawRow] = []
    problems: list[Problem] = []
    header: list[str] = []
    for line, record in _records([f"{line}\n" for _, line in text.lines], delimiter, file, problems):
        if not header:
            header = [name.strip() for name in record]
            fault = _header_problem(header, delimiter, file, line)
            if fault is not None:
                return RawRows((), (fault,), stem=path.stem)
        elif len(record) != len(header):
            message = f"{len(record)} fields where the header has {len(header)}"
            fix = f"put a field that holds {_name(delimiter)}, quote or line break in double quotes"
            problems.append(Problem(file, line, "wrong-field-count", message, fix))
        else:
            rows.append(RawRow(dict(zip(header, record, strict=True)), file, line))
    if not rows and not problems:
        problems.append(Problem(file, None, "no-rows", "the file has a header and no rows", "give at least one row"))
    return RawRows(tuple(rows), tuple(problems), stem=path.stem)


def _records(lines: list[str], delimiter: str, file: str, problems: list[Problem]) -> Iterator[tuple[int, list[str]]]:
    """(first line, fields) of each record; a record may span lines. What cannot be parsed ends the file."""
    before = csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    first = 1
    try:
        for record in reader:
            if record:
                yield first, record
            first = reader.line_num + 1
    except csv.Error as error:
        message = f"{error} (in the row that begins here)"
        kind = "unclosed-quote" if "unexpected end of data" in str(error) else "bad-csv"
        problems.append(Problem(file, first, kind, message, 'write a quote inside a quoted field as ""'))
    finally:
        csv.field_size_limit(before)


def _header_problem(header: list[str], delimiter: str, file: str, line: int) -> Problem | None:
    for index, name in enumerate(header):
        if name and name in header[:index]:
            message = f'the header has "{name}" twice'
            return Problem(file, line, "duplicate-header", message, "rename one of the two columns")
    if len(header) == 1:
        for other in ("\t", ";", ",", "|"):
            if other != delimiter and other in header[0]:
                message = f"the header has one field; it looks parted by {_name(other)}"
                fix = "name the file .tsv" if other == "\t" else "name the file .csv" if other == "," else ""
                return Problem(file, line, "wrong-delimiter", message, fix or "save it with commas")
    return None


def _name(delimiter: str) -> str:
    return {"\t": "a tab", ",": "a comma", ";": "a semicolon", "|": "a vertical bar"}[delimiter]
