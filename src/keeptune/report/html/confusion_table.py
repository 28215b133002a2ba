"""A confusion as a table: references in rows, answers in columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from keeptune.records import Confusion, ConfusionCell

MATRIX_LABELS = 16
"""Maximum labels in a table; confusions with more are a list of cells."""
LISTED = 40
SHADES = 4


@dataclass(frozen=True, slots=True)
class ConfusionTable:
    """Position of each cell."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: Mapping[tuple[str, str], ConfusionCell]
    listed: tuple[ConfusionCell, ...]
    """For a table that is too large: the wrong answers that grew by the most items after tuning."""

    @property
    def large(self) -> bool:
        return max(len(self.rows), len(self.columns)) > MATRIX_LABELS

    def count(self, reference: str, given: str, side: str) -> int:
        """How often `side` (base, tuned) gave `given` for `reference`."""
        cell = self.cells.get((reference, given))
        return 0 if cell is None else int(getattr(cell, side))

    def shade(self, reference: str, given: str, side: str) -> int:
        """0 to 4: the cell's share of its row, so that rare types are visible too."""
        row = sum(self.count(reference, other, side) for other in self.columns)
        return 0 if row == 0 else -(-SHADES * self.count(reference, given, side) // row)


def confusion_table(confusion: Confusion) -> ConfusionTable:
    """Rows and columns are the labels that occur, in the order of `labels`."""
    cells = {(cell.reference, cell.given): cell for cell in confusion.cells}
    known = dict.fromkeys(confusion.labels)
    asked = {reference for reference, _ in cells}
    given = {label for _, label in cells}
    own = [label for label in known if not label.startswith("(")]
    rows = [*own, *(x for x in [*known, *sorted(asked)] if x in asked and x not in own)]
    columns = [*own, *(x for x in [*known, *sorted(given)] if x in given and x not in own)]
    wrong = [cell for cell in confusion.cells if cell.reference != cell.given and cell.item_ids]
    listed = sorted(wrong, key=lambda cell: -len(cell.item_ids))[:LISTED]
    return ConfusionTable(tuple(dict.fromkeys(rows)), tuple(dict.fromkeys(columns)), cells, tuple(listed))
