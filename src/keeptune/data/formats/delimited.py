"""CSV, TSV and other text tables, with a header line."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from keeptune.data.formats.raw_row import RawRows
from keeptune.data.formats.reading import READERS, Reading
from keeptune.data.formats.table import Record, rows_of_records
from keeptune.data.formats.text_lines import read_lines
from keeptune.errors import Problem

_LONGEST_FIELD = 1 << 28
_LOOKED_AT = 2000
"""Records by which a delimiter is found."""
_WORDS = {"\t": "tab"}
DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a vertical bar"}


@READERS.register(".csv")
def read_csv(path: Path, reading: Reading) -> RawRows:
    """Read fields separated by commas, or by the given delimiter, or by the only one that fits."""
    return _read(path, reading, ",")


@READERS.register(".tsv")
def read_tsv(path: Path, reading: Reading) -> RawRows:
    """Read fields separated by tabs, or by the given delimiter, or by the only one that fits."""
    return _read(path, reading, "\t")


def is_table(path: Path, reading: Reading, *delimiters: str) -> bool:
    """Whether a file with an unknown ending is a table: one of `delimiters` (default: all known) splits every line into
    the same number of fields, two or more."""
    lines = [f"{line}\n" for _, line in read_lines(path, reading.encoding, guess=True).lines]
    wanted = (reading.delimiter,) if reading.delimiter else delimiters or DELIMITERS
    return any(_fits(lines, delimiter) for delimiter in wanted)


def _read(path: Path, reading: Reading, usual: str) -> RawRows:
    text = read_lines(path, reading.encoding, guess=True)
    if text.problems:
        return RawRows((), text.problems, stem=path.stem)
    lines = _ended([line for _, line in text.lines])
    assumed = list(text.assumed)
    first = 1
    delimiter = reading.delimiter
    if (told := re.fullmatch(r'"?sep=(.)"?\n', lines[0])) is not None:
        # Excel interprets this line and does not show it.
        lines, first, delimiter = lines[1:], 2, delimiter or told[1]
    if delimiter is None:
        found = _delimiter(lines, usual, path)
        if isinstance(found, Problem):
            return RawRows((), (found,), stem=path.stem)
        delimiter = found
    if delimiter != usual:
        assumed.append(f"fields separated by {_name(delimiter)}")
    problems: list[Problem] = []
    records = list(_records(lines, delimiter, str(path), first, problems))
    if problems and "expected after" in problems[0].message:
        tidy = re.compile(rf'(?<!")"[ \t]+(?=[{re.escape(delimiter)}\n])')
        again: list[Problem] = []
        retried = list(_records([tidy.sub('"', line) for line in lines], delimiter, str(path), first, again))
        if not again:
            records, problems = retried, again
            assumed.append("spaces after closing quotes removed")
    fix = f"put a field that holds {_name(delimiter)}, quote or line break in double quotes"
    return rows_of_records(records, path, assumed, problems, fix)


def _ended(lines: Sequence[str]) -> list[str]:
    """The lines with their line ends. An old Macintosh file is one line with carriage returns in it."""
    if len(lines) == 1 and "\r" in lines[0]:
        lines = lines[0].removesuffix("\r").split("\r")
    return [f"{line}\n" for line in lines]


def _records(lines: Sequence[str], delimiter: str, file: str, first: int, problems: list[Problem]) -> Iterator[Record]:
    """(first line, fields) of each record; a record may span lines. Reading stops at an unparsable record."""
    before = csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
    offset, line = first - 1, first
    try:
        for record in reader:
            if record:
                yield line, record
            line = offset + reader.line_num + 1
    except csv.Error as error:
        message = f"{error} (in the row that begins here)"
        kind = "unclosed-quote" if "unexpected end of data" in str(error) else "bad-csv"
        problems.append(Problem(file, line, kind, message, 'write a quote inside a quoted field as ""'))
    finally:
        csv.field_size_limit(before)


def _delimiter(lines: Sequence[str], usual: str, path: Path) -> str | Problem:
    """The delimiter that splits all lines into equally many fields. If none does: the usual one, or one that splits the
    header."""
    fitting = [delimiter for delimiter in DELIMITERS if _fits(lines, delimiter)]
    if not fitting and len(_first(lines, usual)) < 2:
        fitting = [delimiter for delimiter in DELIMITERS if len(_first(lines, delimiter)) > 1]
    if len(fitting) < 2:
        return fitting[0] if fitting else usual
    shown = " or ".join(_name(delimiter) for delimiter in fitting)
    fix = "say which: " + " or ".join(f"--delimiter '{_WORDS.get(each, each)}'" for each in fitting)
    return Problem(str(path), 1, "ambiguous-delimiter", f"the fields may be separated by {shown}", fix)


def _fits(lines: Sequence[str], delimiter: str) -> bool:
    """Whether it splits the header and every non-blank record into the same number of fields, two or more."""
    sizes = {len(record) for record in _loosely(lines, delimiter, _LOOKED_AT) if any(field.strip() for field in record)}
    return len(sizes) == 1 and sizes.pop() > 1


def _first(lines: Sequence[str], delimiter: str) -> list[str]:
    return next(_loosely(lines, delimiter, 1), [])


def _loosely(lines: Sequence[str], delimiter: str, most: int) -> Iterator[list[str]]:
    before = csv.field_size_limit(_LONGEST_FIELD)
    try:
        yield from islice(csv.reader(lines, delimiter=delimiter, skipinitialspace=True), most)
    except csv.Error:
        return
    finally:
        csv.field_size_limit(before)


def _name(delimiter: str) -> str:
    return DELIMITERS.get(delimiter, f'"{delimiter}"')
