"""JSON: a list of objects, or an object that holds one such list (``{"data": [...]}``)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from keeptune.data.formats.json_text import DECODER, kind_of, unreadable
from keeptune.data.formats.jsonl import rows_of_lines
from keeptune.data.formats.raw_row import RawRow, RawRows
from keeptune.data.formats.reading import READERS, Reading
from keeptune.data.formats.text_lines import TextLines, read_lines
from keeptune.errors import Problem

_SPACE = " \t\r\n"


@READERS.register(".json")
def read_json(path: Path, reading: Reading) -> RawRows:
    """Every object of the list, with the line on which it begins. JSON Lines are read as JSON Lines."""
    text = read_lines(path, reading.encoding)
    if text.problems:
        return RawRows((), text.problems, stem=path.stem)
    return replace(_read(text, path), assumed=text.assumed)


def _read(text: TextLines, path: Path) -> RawRows:
    joined = "\n".join(line for _, line in text.lines)
    start = _skip(joined, 0)
    if joined[start] == "[":
        return _read_list(joined, start, path)
    if joined[start] != "{":
        return _failed(path, 1, "not-an-object", "the file is not a list of objects")
    try:
        value, end = DECODER.raw_decode(joined, start)
    except json.JSONDecodeError as error:
        return _bad(path, joined, error)
    except (ValueError, RecursionError) as error:
        return _failed(path, None, *unreadable(error))
    if _skip(joined, end) < len(joined):
        return rows_of_lines(text, path)
    lists = {name: item for name, item in value.items() if isinstance(item, list) and item}
    rows = next((item for item in lists.values() if all(isinstance(row, dict) for row in item)), None)
    if rows is not None and len(lists) == 1:
        return RawRows(
            tuple(RawRow(row, str(path), number) for number, row in enumerate(rows, start=1)), stem=path.stem
        )
    if not lists or rows is None:
        return RawRows((RawRow(value, str(path), 1),), stem=path.stem)
    names = ", ".join(f'"{name}"' for name in lists)
    return _failed(path, None, "several-lists", f"the object holds several lists: {names}")


def _read_list(text: str, start: int, path: Path) -> RawRows:
    rows: list[RawRow] = []
    problems: list[Problem] = []
    position = _skip(text, start + 1)
    line, counted = 1, 0
    while position < len(text) and text[position] != "]":
        line, counted = line + text.count("\n", counted, position), position
        try:
            value, position = DECODER.raw_decode(text, position)
        except json.JSONDecodeError as error:
            failed = _bad(path, text, error)
            return RawRows(tuple(rows), (*problems, *failed.problems), stem=path.stem)
        except (ValueError, RecursionError) as error:
            failed = _failed(path, line, *unreadable(error))
            return RawRows(tuple(rows), (*problems, *failed.problems), stem=path.stem)
        if isinstance(value, dict):
            rows.append(RawRow(value, str(path), line))
        else:
            message = f"item {len(rows) + len(problems) + 1} is {kind_of(value)}, not an object"
            problems.append(Problem(str(path), line, "not-an-object", message, "write each row as an object"))
        position = _skip(text, position)
        if position < len(text) and text[position] == ",":
            position = _skip(text, position + 1)
        elif position < len(text) and text[position] != "]":
            expected = json.JSONDecodeError("Expecting ',' delimiter", text, position)
            return RawRows(tuple(rows), (*problems, *_bad(path, text, expected).problems), stem=path.stem)
    if position >= len(text):
        end = json.JSONDecodeError("the list is not closed", text, len(text))
        problems.extend(_bad(path, text, end).problems)
    elif not rows and not problems:
        problems.append(Problem(str(path), 1, "no-rows", "the list is empty", "give at least one row"))
    return RawRows(tuple(rows), tuple(problems), stem=path.stem)


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in _SPACE:
        position += 1
    return position


def _bad(path: Path, text: str, error: json.JSONDecodeError) -> RawRows:
    if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
        message = "the file is truncated"
        return _failed(path, text.rstrip().count("\n") + 1, "truncated", message, "copy or export the file again")
    return _failed(path, error.lineno, "bad-json", f"bad JSON at column {error.colno}: {error.msg}")


def _failed(path: Path, line: int | None, kind: str, message: str, fix: str = "") -> RawRows:
    fix = fix or 'the file must be one list: [{"prompt": …, "completion": …}, …]'
    return RawRows((), (Problem(str(path), line, kind, message, fix),), stem=path.stem)
