"""Parquet, read by pyarrow. Class names that `datasets` wrote into the file's metadata are kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keeptune.data.formats.raw_row import RawRow, RawRows
from keeptune.data.formats.reading import Reading
from keeptune.errors import Problem, first_line


def read_parquet(path: Path, reading: Reading) -> RawRows:  # noqa: ARG001
    """Every row, numbered from 1."""
    import pyarrow  # type: ignore[import-untyped]
    import pyarrow.parquet  # type: ignore[import-untyped]

    file = str(path)
    if path.stat().st_size == 0:
        problem = Problem(file, None, "empty-file", "the file is empty", "write it anew")
        return RawRows((), (problem,), stem=path.stem)
    try:
        table = pyarrow.parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:
        message = f"not a readable Parquet file: {first_line(error)}"
        problem = Problem(file, None, "corrupt-parquet", message, "copy or write the file again")
        return RawRows((), (problem,), stem=path.stem)
    labels = _class_names(table.schema.metadata or {})
    rows = tuple(
        RawRow(with_class_names(row, labels), file, number) for number, row in enumerate(table.to_pylist(), start=1)
    )
    problems = () if rows else (Problem(file, None, "no-rows", "the table has no rows", "give at least one"),)
    return RawRows(rows, problems, labels, path.stem)


def with_class_names(row: dict[str, Any], labels: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """`row` with class numbers replaced by names; a number outside the classes (−1: no label) is null."""
    for field, names in labels.items():
        number = row.get(field)
        if isinstance(number, int):
            row[field] = names[number] if 0 <= number < len(names) else None
    return row


def _class_names(metadata: Mapping[bytes, bytes]) -> dict[str, tuple[str, ...]]:
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError):
        return {}
    return {
        name: tuple(feature["names"])
        for name, feature in features.items()
        if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and feature.get("names")
    }
