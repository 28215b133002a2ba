"""Write rows to a file in the format of its suffix: JSON as they are, tables such that no cell is a formula."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from keeptune.errors import ConfigError
from keeptune.workspace.atomic import write_text

Row = Mapping[str, str]
_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[-+]?(\d[\d.,]*|\.\d+)([eE][-+]?\d+)?%?")


def _json_lines(rows: Sequence[Row]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _json(rows: Sequence[Row]) -> str:
    return json.dumps(list(rows), ensure_ascii=False, indent=2) + "\n"


def _delimited(delimiter: str) -> Callable[[Sequence[Row]], str]:
    def write(rows: Sequence[Row]) -> str:
        text = io.StringIO(newline="")
        # All in quotes: Python leaves them out around a lone carriage return, which no reader takes for text then.
        fields = list(rows[0]) if rows else []
        writer = csv.DictWriter(text, fields, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(
            {name: f"'{value}" if is_formula(value) else value for name, value in row.items()} for row in rows
        )
        return text.getvalue()

    return write


def is_formula(value: str) -> bool:
    """Whether a spreadsheet might run a cell of this text; tables have an apostrophe before it."""
    return bool(_FORMULA.match(value)) and not _NUMBER.fullmatch(value)


def is_table(path: Path) -> bool:
    """Whether `write_table` writes a file for spreadsheets."""
    return path.suffix.lower() in (".csv", ".tsv")


WRITERS: Mapping[str, Callable[[Sequence[Row]], str]] = {
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json,
    ".csv": _delimited(","),
    ".tsv": _delimited("\t"),
}
"""Suffix → the rows as text."""


def refuse_unknown_suffix(path: Path) -> None:
    """Raise ConfigError if the suffix is not a known format."""
    if path.suffix.lower() not in WRITERS:
        told = f"the suffix {path.suffix}" if path.suffix else "a name without a suffix"
        raise ConfigError(
            f"{path}: {told} is not a format that can be written", f"end it in one of {' '.join(WRITERS)}"
        )


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Write `rows` atomically."""
    write_text(path, WRITERS[path.suffix.lower()](rows))
