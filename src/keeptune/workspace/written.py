"""Write results without secrets, and settings with them, because a resume needs them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from keeptune.records import to_plain
from keeptune.records.masked import has_secret, masked
from keeptune.workspace.atomic import write_json, write_jsonl


def write_record(path: Path, record: Any) -> None:
    """Write a result or a report with masked secrets."""
    write_json(path, to_plain(masked(record)))


def write_records(path: Path, records: Iterable[Any]) -> None:
    """Write one record per line with masked secrets, because every prompt contains the system message."""
    write_jsonl(path, (to_plain(masked(record)) for record in records))


def write_settings(path: Path, settings: Any) -> None:
    """Write settings unchanged; if they contain a secret, only this user can read the file."""
    plain = to_plain(settings)
    write_json(path, plain, private=has_secret(plain))
