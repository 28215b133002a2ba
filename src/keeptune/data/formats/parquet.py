"""Parquet, read by pyarrow. Class names that `datasets` wrote into the file's metadata are kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keeptune.data.formats.bounds import MOST_BYTES, MOST_ROWS, shown_size, too_large
from keeptune.data.formats.raw_row import RawRow, RawRows, failed
from keeptune.data.formats.reading import READERS, Reading
from keeptune.errors import Problem, first_line

BATCH = 64
"""Rows unpacked at once: few, as each may repeat a large value."""


@READERS.register(".parquet")
def read_parquet(path: Path, reading: Reading) -> RawRows:  # noqa: ARG001
    """Every row, numbered from 1."""
    import pyarrow  # type: ignore[import-untyped]
    import pyarrow.parquet  # type: ignore[import-untyped]

    file = str(path)
    if path.stat().st_size == 0:
        return failed(file, "empty-file", "the file is empty", "write it again")
    rows: list[RawRow] = []
    try:
        with pyarrow.parquet.ParquetFile(path) as table:
            fault = _refuse_large(table.metadata, file)
            labels = _class_names(table.schema_arrow.metadata or {})
            size = 0
            for batch in table.iter_batches(batch_size=BATCH) if fault is None else ():
                # A repeated value is stored once, but unpacked each time.
                size += batch.nbytes
                if size > MOST_BYTES:
                    fault = too_large(file, "its rows unpack to more")
                    break
                rows += [
                    RawRow(with_class_names(row, labels), file, number)
                    for number, row in enumerate(batch.to_pylist(), start=len(rows) + 1)
                ]
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as error:
        # Text that is no UTF-8, and dates that Python has not, are found as they become Python's.
        message = f"not a readable Parquet file: {first_line(error)}"
        return failed(file, "corrupt-parquet", message, "copy or write the file again")
    if fault is not None:
        return RawRows((), (fault,), stem=path.stem)
    problems = () if rows else (Problem(file, None, "no-rows", "the table has no rows", "give at least one"),)
    return RawRows(tuple(rows), problems, labels, path.stem)


def _refuse_large(metadata: Any, file: str) -> Problem | None:
    """Whether the file declares more rows or larger pages than the limit."""
    if metadata.num_rows > MOST_ROWS:
        return too_large(file, f"it has {metadata.num_rows:,} rows, more than {MOST_ROWS:,}")
    # Not by column: where the metadata of one are damaged, pyarrow ends the process.
    size = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
    return too_large(file, f"it unpacks to {shown_size(size)}") if size > MOST_BYTES else None


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
        return {
            name: tuple(feature["names"])
            for name, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and feature.get("names")
        }
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return {}
