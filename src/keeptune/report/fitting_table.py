"""A table of which no number is cut: a narrow terminal leaves out columns, and a very narrow one shows a list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from keeptune.report.visible import visible

LEAST_WORDS = 12
"""Characters of a column whose words fold."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    header: str
    words: bool = False
    """Words stand to the left, numbers to the right."""
    goes: int = 0
    """What is left out first has 1, and what always stays 0: an interval rather than its estimate."""


class FittingTable:
    """Rows of text. What is left out is named below."""

    def __init__(self, *columns: Column) -> None:
        self._columns = columns
        self._rows: list[tuple[Sequence[str | Text], str]] = []
        self.caption = ""

    def add_row(self, *cells: str | Text, style: str = "") -> None:
        """A cell for each column, nothing in it markup."""
        self._rows.append((cells, style))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Rich's protocol."""
        shown = list(range(len(self._columns)))
        leaving = sorted((place for place in shown if self._columns[place].goes), key=self._goes, reverse=True)
        while leaving and self._width(shown, console, options) > options.max_width:
            shown.remove(leaving.pop())
        if self._width(shown, console, options) <= options.max_width:
            yield self._table(shown)
        elif self._folded_width(shown) <= options.max_width:
            yield self._table(shown, folds=True)
        else:
            yield from self._list(shown)
        left_out = [column.header for place, column in enumerate(self._columns) if place not in shown]
        yield from self._below(left_out)

    def _below(self, left_out: Sequence[str]) -> list[RenderableType]:
        told = [self.caption] if self.caption else []
        if left_out:
            told.append(f"Left out in a terminal this narrow: {', '.join(left_out)}. A wider one shows all.")
        return [Text(visible(line), style="dim italic") for line in told]

    def _goes(self, place: int) -> int:
        return self._columns[place].goes

    def _width(self, shown: Sequence[int], console: Console, options: ConsoleOptions) -> int:
        free = options.update(width=10_000)
        return Measurement.get(console, free, self._table(shown)).maximum

    def _table(self, shown: Sequence[int], folds: bool = False) -> Table:
        """The table of these columns. Where words fold, numbers do not."""
        table = Table(box=None, pad_edge=False, header_style="dim")
        for place in shown:
            column = self._columns[place]
            table.add_column(
                Text(visible(column.header)),
                justify="left" if column.words else "right",
                no_wrap=not (folds and column.words),
                overflow="fold",
            )
        for cells, style in self._rows:
            table.add_row(*(_text(cells[place]) for place in shown), style=style)
        return table

    def _cells(self, place: int) -> int:
        """Columns of the terminal that the widest cell takes."""
        header = Text(visible(self._columns[place].header))
        return max(text.cell_len for text in (header, *(_text(cells[place]) for cells, _ in self._rows)))

    def _folded_width(self, shown: Sequence[int]) -> int:
        least = (
            min(self._cells(place), LEAST_WORDS) if self._columns[place].words else self._cells(place)
            for place in shown
        )
        return sum(least) + 2 * (len(shown) - 1)

    def _list(self, shown: Sequence[int]) -> Iterator[Text]:
        """A line for each cell."""
        for cells, style in self._rows:
            for place in shown:
                header = f"{visible(self._columns[place].header)}: "
                yield Text.assemble(
                    "" if place == shown[0] else "  ", (header, "dim"), _text(cells[place]), style=style
                )


def _text(cell: str | Text) -> Text:
    return cell if isinstance(cell, Text) else Text(visible(cell))
