"""How a record shows itself where Python prints it: one line, and in a notebook a small page."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from html import escape

from keeptune.records.interval import Interval
from keeptune.records.undefined import Undefined

Cell = str | float | int | Interval | Undefined | None


class Shown(ABC):
    """A record with a short `repr`: its fields are there to be read one by one, and are far too long to be printed."""

    __slots__ = ()

    @abstractmethod
    def _line(self) -> str:
        """What it says, in one line."""

    def _page(self) -> str:
        """HTML for a notebook."""
        return paragraphs([self._line()])

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._line()}>"

    def _repr_html_(self) -> str:
        return f"<div>{self._page()}</div>"


def paragraphs(texts: Iterable[str]) -> str:
    """Each text as a paragraph, nothing in it markup."""
    return "".join(f"<p>{escape(text)}</p>" for text in texts if text)


def table(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A table; numbers to the right."""
    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def number(value: Cell) -> str:
    """``12.3``, ``1.3 (0.9 to 1.7)``, a dash for what there is not."""
    if value is None or isinstance(value, Undefined):
        return "–"
    if isinstance(value, Interval):
        return f"{number(value.estimate)} ({number(value.low)} to {number(value.high)})"
    return value if isinstance(value, str) else f"{value:,}" if isinstance(value, int) else f"{value + 0.0:.4g}"


def _cell(value: Cell) -> str:
    place = "" if isinstance(value, str) else ' style="text-align:right"'
    return f"<td{place}>{escape(number(value))}</td>"
