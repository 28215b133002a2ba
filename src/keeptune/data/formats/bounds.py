"""Limits on packed files: a few kilobytes of Parquet or of a workbook can unpack to more than any memory."""

from __future__ import annotations

from keeptune.errors import Problem

MOST_BYTES = 2 << 30
"""Of a file's contents, unpacked."""
MOST_ROWS = 20_000_000


def shown_size(size: int) -> str:
    """In the unit that people read."""
    return f"{size / 2**30:,.1f} GiB" if size >= 2**30 else f"{size / 2**20:,.1f} MiB"


def too_large(file: str, what: str) -> Problem:
    """A file exceeds the limit."""
    message = f"{what}; the limit per file is {shown_size(MOST_BYTES)}"
    fix = "split it into several files, or remove columns that are not needed"
    return Problem(file, None, "too-large", message, fix)
