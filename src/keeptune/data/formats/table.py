"""Turn the records of a sheet into rows, despite blank rows and columns, an unnamed index, and surrounding spaces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from keeptune.data.formats.raw_row import RawRow, RawRows
from keeptune.errors import Problem

Record = tuple[int, list[str]]
"""(first line, or row of a sheet; its cells)."""
SPACE = " \t\u00a0"


def rows_of_records(
    records: Iterable[Record], path: Path, assumed: Sequence[str], problems: Sequence[Problem], advice: str
) -> RawRows:
    """The first record that is not blank is the header; the others are rows.

    Args:
        assumed: the reader's assumptions so far.
        problems: the reader's problems. They are read after the records, so the list may grow in the meantime.
        advice: what to do about a record that has more or fewer cells than the header.
    """
    file, blank, stripped = str(path), 0, 0
    header: list[str] = []
    header_line = 1
    found: list[Record] = []
    faults: list[Problem] = []
    for line, record in records:
        cells = [cell if "\n" in cell else cell.strip(SPACE) for cell in record]
        if not any(cells):
            blank += bool(header)
            continue
        if not header:
            header, header_line = [cell.strip() for cell in record], line
            continue
        while len(cells) > len(header) and not cells[-1]:
            cells.pop()
        if len(cells) != len(header):
            message = f"{len(cells)} fields where the header has {len(header)}"
            faults.append(Problem(file, line, "wrong-field-count", message, advice))
            continue
        stripped += cells != record[: len(cells)]
        found.append((line, cells))
    told = list(assumed)
    columns, fault = _columns(header, found, file, header_line, told)
    if fault is not None:
        return RawRows((), (fault,), stem=path.stem)
    if blank:
        told.append(f"{blank} blank row{'s' * (blank > 1)} left out")
    if stripped:
        told.append(f"spaces at the ends of cells left out in {stripped} row{'s' * (stripped > 1)}")
    rows = tuple(RawRow({name: cells[place] for place, name in columns}, file, line) for line, cells in found)
    all_problems = [*problems, *faults]
    if not rows and not all_problems:
        what = "the file has a header and no rows" if header else "the file is empty"
        all_problems.append(Problem(file, None, "no-rows", what, "give at least one row"))
    return RawRows(rows, tuple(all_problems), stem=path.stem, assumed=tuple(told))


def _columns(
    header: Sequence[str], records: Sequence[Record], file: str, line: int, told: list[str]
) -> tuple[list[tuple[int, str]], Problem | None]:
    """(place, name) of each column that is a field: not of one without a name that is blank, or counts the rows."""
    columns: list[tuple[int, str]] = []
    names: set[str] = set()
    for place, name in enumerate(header):
        if not name:
            cells = [cells[place] for _, cells in records]
            if not any(cells):
                told.append(f"blank column {place + 1} left out")
                continue
            if _is_index(cells):
                told.append(f"column {place + 1}, an index without a name, left out")
                continue
            name = f"column_{place + 1}"
            told.append(f'column {place + 1} has no name: it is called "{name}"')
        if name in names:
            message = f'the header has "{name}" twice'
            return [], Problem(file, line, "duplicate-header", message, "rename one of the two columns")
        names.add(name)
        columns.append((place, name))
    return columns, None


def _is_index(cells: Sequence[str]) -> bool:
    """Distinct whole numbers, as the index of a data frame."""
    return len(set(cells)) == len(cells) and all(cell.isascii() and cell.isdigit() for cell in cells)
