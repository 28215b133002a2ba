"""Rows that have a prompt and, perhaps, no answer: what `predict` reads."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from keeptune.config.schema import DataConfig
from keeptune.data.field_names import PROMPTS, ROLES
from keeptune.data.formats import RawRow, RawRows, Reading, read_rows
from keeptune.data.formats.delimited import is_table
from keeptune.data.formats.text_lines import read_lines
from keeptune.data.load import LoadedData, build_examples
from keeptune.errors import DataError
from keeptune.near_paths import expanded

NO_ANSWER = "-"
"""Stands where the answer would be while a row is read; it never reaches a model."""


def load_prompts(path: str, config: DataConfig) -> LoadedData:
    """Every row of `path` with its prompt; an answer that is there is not looked at. A ``.txt`` holds a prompt a line.

    Raises:
        DataError: a row cannot be read, or has no prompt.
    """
    reading = Reading.by(config)
    raw = _text(expanded(path), reading) if path.endswith(".txt") else read_rows(path, "test", reading)
    field = "completion" if config.prompt or config.completion else None
    rows = [dataclasses.replace(row, row=_answered(row, field)) for row in raw.rows]
    told = dataclasses.replace(config, completion=field or config.completion, group=None, choices=None)
    examples, mapping, problems = build_examples(dataclasses.replace(raw, rows=tuple(rows), labels={}), path, told)
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise DataError(f"{path}: {len(errors)} problem{'s' * (len(errors) > 1)} in the prompts", problems=errors)
    prompts = tuple(dataclasses.replace(example, completion="", references=()) for example in examples)
    return LoadedData(prompts, mapping, path, "", problems)


def _text(path: Path, reading: Reading) -> RawRows:
    if not path.is_file() or is_table(path, reading, "\t"):
        return read_rows(str(path), "test", reading)
    read = read_lines(path, reading.encoding, guess=True)
    rows = [RawRow({"prompt": line}, str(path), number) for number, line in read.lines if line.strip()]
    return RawRows(tuple(rows), read.problems, stem=path.stem, assumed=read.assumed)


def _answered(row: RawRow, field: str | None) -> dict[str, Any]:
    """The row with a placeholder for the answer that its layout expects, and without what answers are held to."""
    fields = {name: value for name, value in row.row.items() if name.lower() not in ("choices", "references")}
    if field is not None:
        return fields | {field: NO_ANSWER}
    for name, speaker, text in (("messages", "role", "content"), ("conversations", "from", "value")):
        turns = fields.get(name)
        if isinstance(turns, list) and turns and isinstance(turns[-1], dict):
            asked = ROLES.get(str(turns[-1].get(speaker)).lower()) != "assistant"
            return fields | ({name: [*turns, {speaker: "assistant", text: NO_ANSWER}]} if asked else {})
    names = {name.lower(): name for name in fields}
    readings = [completions for prompt, completions in PROMPTS if prompt in names]
    there = (names[name] for completions in readings for name in completions if name in names)
    answer = next(there, readings[0][0] if readings else "")
    return fields | ({answer: NO_ANSWER} if answer else {})
