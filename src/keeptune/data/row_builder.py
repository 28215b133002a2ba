"""From raw rows to Examples, one at a time: which mapping fits all the rows of a file, and each row by it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from keeptune.config.schema import DataConfig
from keeptune.data.build import build_example, with_system
from keeptune.data.detect import Mapping, detect
from keeptune.data.formats import RawRow
from keeptune.errors import DataError, Problem
from keeptune.records import Example


@dataclass(slots=True)
class RowShapes:
    """Which fields the rows of a file have; all that the choice of a Mapping needs to know of them."""

    counts: Counter[tuple[str, ...]] = field(default_factory=Counter)
    filled: set[str] = field(default_factory=set)
    """Fields that are not "" in every row that has them."""

    def add(self, row: dict[str, Any]) -> None:
        """Count one row."""
        self.counts[tuple(row)] += 1
        self.filled.update(name for name in row if name not in self.filled and row[name] != "")

    def mapping(self, config: DataConfig, file: str) -> Mapping:
        """The Mapping by the fields that most rows have; plain text where no row at all has a prompt.

        Raises:
            DataError: the fields have no known names, or more than one reading.
        """
        usual = self.counts.most_common(1)[0][0]
        every = tuple(dict.fromkeys(name for shape in self.counts for name in shape))
        mapping = detect(usual, config, file, every)
        if mapping.layout == "pair" and len(mapping.prompt) == 1 and self._always_empty(mapping.prompt[0]):
            return replace(mapping, layout="text", prompt=())
        return mapping

    def _always_empty(self, name: str) -> bool:
        """Whether every row has the field and none fills it. A few empty prompts are mistakes."""
        return name not in self.filled and all(name in shape for shape in self.counts)


@dataclass(slots=True)
class RowBuilder:
    """Builds the rows of one file by one Mapping."""

    mapping: Mapping
    config: DataConfig
    stem: str
    """Begins the ids of rows that have none."""
    choices: Sequence[str] = ()
    """The classes that the file declares for the completion's field."""
    _other_layouts: dict[tuple[str, ...], str] = field(default_factory=dict)
    _line: int | None = None
    _on_line: int = 0
    """Rows so far on that line: a list in JSON may have all of its rows on one."""

    def build(self, row: RawRow) -> Example | list[Problem]:
        """The Example, or all faults of the row."""
        fault = self._layout_fault(row)
        if fault is not None:
            return [fault]
        source = row.file if row.line is None else f"{row.file}:{row.line}"
        self._line, self._on_line = row.line, self._on_line + 1 if row.line == self._line else 1
        place = f"{row.line}" if self._on_line == 1 else f"{row.line}.{self._on_line}"
        built = build_example(row.row, self.mapping, f"{self.stem}/{place}", self.choices, source)
        if isinstance(built, list):
            return [Problem(row.file, row.line, fault.kind, fault.message, fault.fix) for fault in built]
        return with_system(built, self.config.system)

    def _layout_fault(self, row: RawRow) -> Problem | None:
        """A Problem where the row lacks a needed field: it has another layout, or the field is missing."""
        missing = sorted(self.mapping.needed - row.row.keys())
        if not missing:
            return None
        shape = tuple(row.row)
        if shape not in self._other_layouts:
            try:
                self._other_layouts[shape] = str(detect(shape, self.config, row.file))
            except DataError:
                self._other_layouts[shape] = ""
        other = self._other_layouts[shape]
        if other and not (self.config.prompt or self.config.completion):
            message = f"the row has another layout ({other}) than the file's ({self.mapping})"
            return Problem(row.file, row.line, "mixed-layouts", message, "keep one layout a file")
        names = " and ".join(f'"{name}"' for name in missing)
        message = f"the row has no {names}; its fields are {', '.join(shape) or 'none'}"
        return Problem(row.file, row.line, "missing-field", message, "add it, or leave the row out")
