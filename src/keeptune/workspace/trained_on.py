"""The training rows of a run, as a hash of each prompt, so that any item can be looked up."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from keeptune.records import Example
from keeptune.workspace.atomic import write_text
from keeptune.workspace.layout import TRAINED_ON

MOST_BYTES = 2**28
"""Maximum size of the file, which is enough for sixteen million rows."""
DIGITS = 16


def row_key(example: Example) -> str:
    """The same for rows whose prompts have the same words, whatever case, white space and system message; of plain
    text, which has no prompt, by the text."""
    prompt = "\n\n".join(message.content for message in example.prompt if message.role != "system")
    words = " ".join((prompt or example.completion).casefold().split())
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]


def keep_trained_on(run: Path, rows: Iterable[Example], earlier: frozenset[str] = frozenset()) -> None:
    """Write the keys of `rows`, with those of the run that this one started from."""
    write_text(run / TRAINED_ON, "".join(f"{key}\n" for key in sorted({*earlier, *map(row_key, rows)})))


def trained_on(run: Path) -> frozenset[str] | None:
    """The keys of a run; None if there are none, or if they are unreadable."""
    file = run / TRAINED_ON
    try:
        if not file.is_file() or file.stat().st_size > MOST_BYTES:
            return None
        keys = file.read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        return None
    return frozenset(keys) if all(len(key) == DIGITS for key in keys) else None


def count_trained_on(keys: frozenset[str] | None, *items: Sequence[Example]) -> int | None:
    """How many of `items` are among the rows with these keys; None if unknown.

    Args:
        items: the items; then the same in the same order, written otherwise: each counts if any form of it is there.
    """
    return (
        None
        if keys is None
        else sum(any(row_key(form) in keys for form in forms) for forms in zip(*items, strict=True))
    )
