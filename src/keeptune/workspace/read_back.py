"""Read what this version of keeptune or an earlier one has written to a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from keeptune.config.renamed import upgraded
from keeptune.errors import StoreError
from keeptune.records import EvalRecord, from_plain
from keeptune.workspace import layout
from keeptune.workspace.json_file import read_json_file, read_json_lines, read_json_object

T = TypeVar("T")
NEW_RUN = "start a new run in another --output"


def current_path(folder: Path, name: str) -> Path:
    """Path of `name`, or of its name in an earlier version if only that exists."""
    file, earlier = folder / name, folder / layout.EARLIER_NAMES.get(name, name)
    return earlier if earlier.exists() and not file.exists() else file


def read_record(kind: type[T], file: Path) -> T:
    """A record, with current names.

    Raises:
        StoreError: the file is missing or damaged.
    """
    try:
        return from_plain(kind, upgraded(read_json_file(file)))
    except (OSError, ValueError) as error:
        raise StoreError(f"{file} cannot be read: {error}", NEW_RUN) from error


def read_object(file: Path, fix: str) -> dict[str, Any]:
    """Settings or a report, with current names.

    Raises:
        StoreError: the file is missing or damaged; `fix` is the way out.
    """
    plain: dict[str, Any] = upgraded(read_json_object(file, fix))
    return plain


def read_eval_records(file: Path) -> list[EvalRecord]:
    """The records of one model's answers.

    Raises:
        StoreError: the file is missing or damaged.
    """
    try:
        return [from_plain(EvalRecord, line) for line in read_json_lines(file)]
    except (OSError, ValueError) as error:
        raise StoreError(f"{file} cannot be read: {error}", "delete that run's folder, and run it again") from error
