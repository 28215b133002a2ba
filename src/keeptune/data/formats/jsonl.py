"""JSON Lines: one object per line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from keeptune.data.formats.json_text import DECODER, kind_of, unreadable
from keeptune.data.formats.raw_row import RawRow, RawRows
from keeptune.data.formats.reading import AS_FOUND, READERS, Reading
from keeptune.data.formats.text_lines import BLANK, TextLines, read_lines, stream_lines
from keeptune.errors import Problem


@READERS.register(".ndjson")
@READERS.register(".jsonl")
def read_jsonl(path: Path, reading: Reading = AS_FOUND) -> RawRows:
    """Every line that is an object. Blank lines are skipped; every other line is a problem."""
    return rows_of_lines(read_lines(path, reading.encoding), path)


def rows_of_lines(text: TextLines, path: Path) -> RawRows:
    """The rows of lines that are already decoded."""
    file = str(path)
    rows: list[RawRow] = []
    problems = list(text.problems)
    for number, line in text.lines:
        if not line.strip(BLANK):
            continue
        parsed = _parse(line, file, number, number == text.cut_off)
        if isinstance(parsed, Problem):
            problems.append(parsed)
        else:
            rows.append(RawRow(parsed, file, number))
    return RawRows(tuple(rows), tuple(sorted(problems, key=_line)), stem=path.stem, assumed=text.assumed)


def stream_jsonl(path: Path, encoding: str | None = None) -> Iterator[RawRow | Problem]:
    """Like `read_jsonl`, one row or problem at a time in the file's order, with one line in memory."""
    file = str(path)
    for read in stream_lines(path, encoding):
        if isinstance(read, Problem):
            yield read
            continue
        number, line, cut_off = read
        if line.strip(BLANK):
            parsed = _parse(line, file, number, cut_off)
            yield parsed if isinstance(parsed, Problem) else RawRow(parsed, file, number)


def _line(problem: Problem) -> int:
    return problem.line or 0


def _parse(line: str, file: str, number: int, cut_off: bool) -> dict[str, object] | Problem:
    try:
        value = DECODER.decode(line)
    except json.JSONDecodeError as error:
        if cut_off:
            message = f"the last line ends at column {len(line)}: the file is truncated"
            return Problem(file, number, "truncated", message, "copy or export the file again")
        message = f"bad JSON at column {error.colno}: {error.msg}"
        return Problem(file, number, "bad-json", message, "each line must be one whole JSON object")
    except (ValueError, RecursionError) as error:
        kind, message = unreadable(error)
        return Problem(file, number, kind, message, "rewrite the row")
    if not isinstance(value, dict):
        fix = 'write each row as {"prompt": …, "completion": …}'
        return Problem(file, number, "not-an-object", f"the row is {kind_of(value)}, not an object", fix)
    return value
