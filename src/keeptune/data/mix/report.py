"""The content of a mix, and what was left out."""

from __future__ import annotations

from dataclasses import dataclass

from keeptune.errors import Problem
from keeptune.records.shown import Shown, paragraphs, table


@dataclass(frozen=True, slots=True)
class MixedSource:
    """One source: its rows read are those invalid, leaked, repeated, and usable."""

    name: str
    data: str
    sha256: str
    mapping: str
    """How its fields were read."""
    read: int
    invalid: int
    leaks: tuple[int, ...]
    """Rows that occur in each test set, in the recipe's order; a row counts for the first."""
    exact_within: int
    """Rows whose prompt is that of an earlier row of the same source, but for case and white space."""
    exact_across: int
    """Of an earlier source."""
    near: int
    """Rows whose prompt nearly repeats an earlier one."""
    usable: int
    rows: int
    """Rows in the mix."""
    share: float
    """Of the rows of the mix."""
    characters: int
    """Of prompts and completions in the mix."""
    tokens: int | None
    """Likewise; None where no model was named."""


@dataclass(frozen=True, slots=True)
class MixedTest:
    """One test set that was looked for in the sources."""

    name: str
    data: str
    sha256: str
    rows: int
    invalid: int


@dataclass(frozen=True, slots=True, repr=False)
class MixReport(Shown):
    """A whole mix."""

    folder: str
    """Its folder; "" if nothing was written."""
    sha256: str
    """Of ``mix.jsonl``."""
    rows: int
    sources: tuple[MixedSource, ...]
    tests: tuple[MixedTest, ...]
    problems: tuple[Problem, ...]
    """Unusable rows: the first ones of each source and test set."""
    near_duplicates: bool
    """Whether near repeats were looked for."""
    seed: int

    def _line(self) -> str:
        return f"{self.rows:,} rows of {len(self.sources)} sources{f', {self.folder}' if self.folder else ''}"

    def _page(self) -> str:
        rows = [(s.name, s.read, s.usable, s.rows, 100.0 * s.share) for s in self.sources]
        return paragraphs([self._line()]) + table(("source", "rows read", "usable", "rows mixed", "% of the mix"), rows)
