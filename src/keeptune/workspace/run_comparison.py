"""Compare runs: scores on the same items, and the settings that differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keeptune.errors import ConfigError
from keeptune.records import MaybeInterval, Verdict
from keeptune.records.shown import Shown, paragraphs, table
from keeptune.workspace.run_entry import RunEntry, items_hash, leaves

_OWN = ("output", "resume")
CHOSEN_ALPHA = "alpha, chosen"
"""Listed with the settings: the share of the trained change that a run chose to keep."""


@dataclass(frozen=True, slots=True)
class ScoreCell:
    """One run's score before and after."""

    base: float | None
    tuned: float | None
    difference: MaybeInterval | None
    """The gain, or an ability's drop."""
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """Scores that may be compared: one metric on one set of items."""

    what: str
    """``task``, or the ability's name."""
    metric: str
    cells: Mapping[str, ScoreCell]
    """Run → score. Runs with other items have their own rows."""


@dataclass(frozen=True, slots=True, repr=False)
class RunComparison(Shown):
    """Several runs, side by side."""

    runs: tuple[RunEntry, ...]
    scores: tuple[ScoreRow, ...]
    settings: Mapping[str, tuple[Any, ...]]
    """Setting, or the α that was chosen → its value in each run, None where a run does not have it; only those in which
    runs differ."""
    not_comparable: tuple[str, ...]
    """Notes on scores whose items differ between runs."""

    def _line(self) -> str:
        return f"{', '.join(run.name for run in self.runs)}: {len(self.settings)} settings differ"

    def _page(self) -> str:
        names = [run.name for run in self.runs]
        head = ("what", "metric", *names)
        cells = [[row.cells.get(name) for name in names] for row in self.scores]
        rows = [
            (row.what, row.metric, *(cell.difference if cell else None for cell in of_row))
            for row, of_row in zip(self.scores, cells, strict=True)
        ]
        return paragraphs([self._line(), *self.not_comparable]) + table(head, rows)


def compare_entries(runs: Sequence[RunEntry]) -> RunComparison:
    """Set runs side by side.

    Raises:
        ConfigError: fewer than two runs, or one of them twice.
    """
    names = [run.name for run in runs]
    if len({Path(run.path).resolve() for run in runs}) < max(2, len(runs)):
        raise ConfigError("a comparison needs two runs or more, each named once", "keeptune runs compare RUN RUN")
    scores = [*_rows("task", _tasks(runs))]
    for ability in dict.fromkeys(ability.name for run in runs for ability in run.abilities):
        # Not to be taken for the task itself.
        label = "task (ability)" if ability == "task" else ability
        scores += _rows(label, _abilities(runs, ability))
    parted = [what for what in dict.fromkeys(row.what for row in scores) if _count(scores, what) > 1]
    flat = [leaves(run.settings) | {CHOSEN_ALPHA: run.alpha} for run in runs]
    settings = {
        name: tuple(values.get(name) for values in flat)
        for name in dict.fromkeys(name for values in flat for name in values)
        if name not in _OWN
    }
    return RunComparison(
        runs=tuple(runs),
        scores=tuple(scores),
        settings={name: values for name, values in settings.items() if any(value != values[0] for value in values)},
        not_comparable=tuple(_told(what, names, [row for row in scores if row.what == what]) for what in parted),
    )


Scored = tuple[str, tuple[str, str], ScoreCell]
"""(run, (metric, hash of the items), score)."""


def _tasks(runs: Sequence[RunEntry]) -> Iterable[Scored]:
    for run in runs:
        if run.metric:
            key = (run.metric, run.test_hash or f"of {run.name} alone")
            yield run.name, key, ScoreCell(run.base, run.tuned, run.gain)


def _abilities(runs: Sequence[RunEntry], name: str) -> Iterable[Scored]:
    for run in runs:
        for ability in run.abilities:
            if ability.name == name:
                key = (ability.metric, items_hash(Path(run.path), name) or f"of {run.name} alone")
                yield run.name, key, ScoreCell(ability.base, ability.tuned, ability.drop, ability.verdict)


def _rows(what: str, scored: Iterable[Scored]) -> list[ScoreRow]:
    by_key: dict[tuple[str, str], dict[str, ScoreCell]] = {}
    for run, key, cell in scored:
        by_key.setdefault(key, {})[run] = cell
    return [ScoreRow(what, metric, cells) for (metric, _), cells in by_key.items()]


def _count(rows: Sequence[ScoreRow], what: str) -> int:
    return sum(row.what == what for row in rows)


def _told(what: str, names: Sequence[str], rows: Sequence[ScoreRow]) -> str:
    groups = [f"{' and '.join(name for name in names if name in row.cells)} by {row.metric}" for row in rows]
    return f"{what}: scored on other items or by another metric, so not comparable: {'; '.join(groups)}"
