"""What a process of another tool said last, for an error."""

from __future__ import annotations

LINES = 3


def last_words(complaints: bytes, code: int) -> str:
    """The last lines that it wrote to its error stream; its exit code where it wrote nothing."""
    lines = complaints.decode("utf-8", "replace").strip().splitlines()
    return " · ".join(lines[-LINES:]) or f"it ended with {code}"
