"""What a run writes of its settings and results: results without secrets, settings as they are, since a resume needs
them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from keeptune.records import to_plain
from keeptune.records.masked import has_secret, masked
from keeptune.workspace.atomic import write_json, write_jsonl


def write_record(path: Path, record: Any) -> None:
    """Write a result or a report, the secrets in it masked."""
    write_json(path, to_plain(masked(record)))


def write_records(path: Path, records: Iterable[Any]) -> None:
    """Write one record a line, the secrets in it masked: a system message stands in every prompt."""
    write_jsonl(path, (to_plain(masked(record)) for record in records))


def write_settings(path: Path, settings: Any) -> None:
    """Write settings as they were given; where they hold a secret, for this user alone to read."""
    plain = to_plain(settings)
    write_json(path, plain, private=has_secret(plain))
