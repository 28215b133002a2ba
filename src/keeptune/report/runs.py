"""Lists and comparisons of runs in a terminal: pure views of records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from keeptune.records import Interval, MaybeInterval, negated
from keeptune.report.phrases import change, score
from keeptune.report.visible import visible
from keeptune.workspace.run_comparison import RunComparison, ScoreCell, ScoreRow
from keeptune.workspace.run_entry import RunEntry, leaves
from keeptune.workspace.task_name import short_model

STYLES = {"finished": "", "running": "cyan", "unfinished": "yellow", "damaged": "bold red"}
WIDEST = 1000
"""Minimum columns of a console for the full table."""
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def runs_report(runs: Sequence[RunEntry], folder: str) -> RenderableType:
    """One line per run, and the error of each damaged one."""
    if not runs:
        return Text(f"no matching runs in {folder}")
    table = _table("run", "task", "model", "method", "gain", "kept", "lost", "when", "state", "size", numbers=(9,))
    for column in table.columns:
        column.no_wrap = str(column.header) not in ("model", "lost")
    for run in runs:
        table.add_row(
            _plain(run.name),
            _plain(run.task or "–"),
            _plain(short_model(run.model) or "–"),
            _plain(run.method or run.kind or "–"),
            _plain(_gain(run)),
            _kept(run),
            _plain(", ".join(run.lost) or "–", "red" if run.lost else ""),
            _plain(run.created[:10]),
            Text(run.state, style=STYLES[run.state]),
            size(run.size_bytes),
        )
    total = sum(run.size_bytes for run in runs if not _inside_another(run, runs))
    parts: list[RenderableType] = [Fitting(table, Group(*map(_block, runs))), Text("")]
    parts.append(Text(f"{len(runs)} run{'' if len(runs) == 1 else 's'}, {size(total)}", style="dim"))
    parts += [_plain(f"{run.name}: {run.problem}", "red") for run in runs if run.state == "damaged"]
    return Group(*parts)


@dataclass(frozen=True, slots=True)
class Fitting:
    """A table if the console is wide enough for whole words; otherwise `narrow`."""

    table: Table
    narrow: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Rich's protocol."""
        fits = Measurement.get(console, options.update(width=WIDEST), self.table).maximum <= options.max_width
        yield self.table if fits else self.narrow


def _block(run: RunEntry) -> Text:
    """One run on a few lines."""
    facts = [run.task, short_model(run.model), run.method or run.kind, run.created[:10], size(run.size_bytes)]
    told = [f"gain {_gain(run)}"] if _gain(run) != "–" else []
    told += [f"kept {_kept(run)}"] if _kept(run) != "–" else []
    text = Text.assemble((visible(run.name), "bold"), "  ", (run.state, STYLES[run.state]))
    text.append(f"\n  {visible(', '.join(fact for fact in facts if fact))}")
    if told:
        text.append(f"\n  {visible('; '.join(told))}")
    if run.lost:
        text.append(f"\n  lost {visible(', '.join(run.lost))}", style="red")
    return text


def run_report(run: RunEntry) -> RenderableType:
    """All facts about one run."""
    facts = {
        "folder": run.path,
        "kind": run.kind,
        "state": f"{run.state}: {run.problem}" if run.problem else run.state,
        "task": run.task,
        "model": run.model,
        "method": run.method,
        "alpha": "" if run.alpha is None else f"{run.alpha:g}, chosen",
        "base": _score(run.metric, run.base),
        "tuned": _score(run.metric, run.tuned),
        "gain": _gain(run),
        "written": run.created,
        "size": size(run.size_bytes),
    }
    parts: list[RenderableType] = [_pairs({name: value for name, value in facts.items() if value not in ("", "–")})]
    if run.abilities:
        table = _table("ability", "verdict", "base", "tuned", "change", numbers=(2, 3, 4))
        for a in run.abilities:
            name = a.name if a.declared else f"{a.name} ·"
            scores = (_score(a.metric, a.base), _score(a.metric, a.tuned), _interval(a.metric, negated(a.drop)))
            table.add_row(_plain(name), a.verdict, *scores)
        parts += [Text(""), table]
        if not all(a.declared for a in run.abilities):
            parts.append(Text("· not declared. A change below 0 is worse.", style="dim"))
    settings = {name: shown(value) for name, value in leaves(run.settings).items() if value not in (None, [], "")}
    if settings:
        parts += [Text(""), Text("settings", style="underline"), _pairs(settings)]
    return Group(*parts)


def comparison_report(compared: RunComparison) -> RenderableType:
    """The scores, then the settings that differ."""
    names = [run.name for run in compared.runs]
    table = _table("", "metric", *names, numbers=())
    for row in compared.scores:
        cells = [_cell(row, row.cells.get(name)) for name in names]
        table.add_row(
            _plain("gain on the task" if row.what == "task" else f"change of {row.what}"), _plain(row.metric), *cells
        )
    parts: list[RenderableType] = [table if compared.scores else Text("none of these runs has scores")]
    parts += [_plain(line, "yellow") for line in compared.not_comparable]
    parts.append(Text(""))
    if not compared.settings:
        return Group(*parts, Text("the settings are identical"))
    settings = _table("differing settings", *names, numbers=())
    for name, values in compared.settings.items():
        settings.add_row(_plain(name), *(_plain(shown(value)) for value in values))
    return Group(*parts, settings)


def size(count: float) -> str:
    """``12.3 MiB``."""
    for unit in UNITS[:-1]:
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} {UNITS[-1]}"


def shown(value: Any) -> str:
    """A setting on one line; a dash if it was not set."""
    return "–" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _gain(run: RunEntry) -> str:
    if run.gain is None:
        return f"{run.metric} {score(run.metric, run.tuned)}" if run.tuned is not None else "–"
    return f"{run.metric} {_interval(run.metric, run.gain)}"


def _interval(metric: str, found: MaybeInterval) -> str:
    if not isinstance(found, Interval):
        return "–"
    limits = f"{change(metric, found.low)} to {change(metric, found.high)}"
    return f"{change(metric, found.estimate)} ({limits})"


def _cell(row: ScoreRow, cell: ScoreCell | None) -> Text:
    if cell is None:
        return Text("–", style="dim")
    scores = f"{_score(row.metric, cell.base)} → {_score(row.metric, cell.tuned)}"
    signed = None if cell.difference is None else cell.difference if row.what == "task" else negated(cell.difference)
    difference = "" if signed is None else f"  {_interval(row.metric, signed)}"
    return Text(f"{scores}{difference}{f'  {cell.verdict}' if cell.verdict else ''}")


def _kept(run: RunEntry) -> str:
    """``5 of 7`` declared abilities."""
    declared = [ability for ability in run.abilities if ability.declared]
    return f"{sum(a.verdict == 'kept' for a in declared)} of {len(declared)}" if declared else "–"


def _score(metric: str, value: float | None) -> str:
    return "–" if value is None else score(metric, value)


def _inside_another(run: RunEntry, runs: Sequence[RunEntry]) -> bool:
    return any(Path(other.path) in Path(run.path).parents for other in runs)


def _plain(text: str, style: str = "") -> Text:
    return Text(visible(text), style=style)


def _pairs(facts: dict[str, str]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(_plain(name), _plain(value))
    return table


def _table(*columns: str, numbers: Sequence[int]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for index, column in enumerate(columns):
        table.add_column(_plain(column), justify="right" if index in numbers else "left", overflow="fold")
    return table
