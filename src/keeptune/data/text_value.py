"""A field's value as text: text as it is, numbers and truth values as written, anything else refused."""

from __future__ import annotations

import math
from typing import Any

from keeptune.data.formats.json_text import kind_of


class RowFault(Exception):
    """One thing wrong with one row; `load` turns it into a Problem with file and line."""

    def __init__(self, kind: str, message: str, fix: str) -> None:
        self.kind, self.message, self.fix = kind, message, fix
        super().__init__(message)


def as_text(value: Any, field: str) -> str:
    """The text of `value`.

    Raises:
        RowFault: null, a list or an object, or a text that cannot be written as UTF-8.
    """
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            raise RowFault("binary", f'"{field}" is binary, not text', "write it as text in UTF-8") from None
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            fix = "convert the text again from its source"
            raise RowFault("half-character", f'"{field}" holds half of a surrogate pair, which is not a character', fix)
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or (isinstance(value, float) and math.isnan(value)):
        raise RowFault("null-value", f'"{field}" is null', "fill it in, or leave the row out")
    if isinstance(value, float) and math.isinf(value):
        raise RowFault("wrong-type", f'"{field}" is a number too large to represent', "write it as text")
    if isinstance(value, (list, tuple, dict)):
        kind = kind_of(list(value) if isinstance(value, tuple) else value)
        raise RowFault("wrong-type", f'"{field}" is {kind}, not text', "write it as text")
    return str(value)


def as_filled_text(value: Any, field: str, part: str) -> str:
    """As `as_text`, but white space alone is refused; `part` is what the text is for (``prompt`` …)."""
    text = as_text(value, field)
    if text.strip():
        return text
    what = "empty" if not text else "white space only"
    raise RowFault(
        f"empty-{part}", f'"{field}" is {what}: the {part} would be empty', "fill it in, or leave the row out"
    )


def as_texts(value: Any, field: str) -> tuple[str, ...]:
    """A list of filled texts, repeats taken once; null is no list at all and gives none.

    Raises:
        RowFault: no list, or a member that is not a filled text.
    """
    if value is None:
        return ()
    if not isinstance(value, (list, tuple)):
        raise RowFault("wrong-type", f'"{field}" is {kind_of(value)}, not a list of texts', "write it as a list")
    texts = (as_filled_text(item, f"{field}[{place}]", "text") for place, item in enumerate(value))
    return tuple(dict.fromkeys(texts))
