"""A comparison of methods in a terminal: a pure view of the record."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from keeptune.records import Interval, MaybeInterval, MethodComparison, MethodRow, negated
from keeptune.report.fitting_table import Column, FittingTable
from keeptune.report.phrases import change, score
from keeptune.report.visible import visible


def compare_report(report: MethodComparison) -> RenderableType:
    """A whole comparison, the answer first."""
    parts: list[RenderableType] = [Text("")]
    parts += [Text(visible(sentence), style="" if place else "bold") for place, sentence in enumerate(report.sentences)]
    parts += [Text(""), methods_table(report)]
    if report.advice:
        parts += [Text(""), Text("numeric settings", style="underline"), *map(Text, map(visible, report.advice))]
    failed = [trial for trial in report.trials if trial.error]
    for trial in failed:
        first = trial.error.partition("\n")[0]
        parts.append(Text(visible(f"failed: {trial.method}, seed {trial.seed}: {first}"), style="bold red"))
    if failed:
        parts.append(Text("run the same command again to retry the failed trials only"))
    parts += [Text(""), *(Text(visible(f"note: {notice}"), style="dim") for notice in report.notices)]
    parts.append(Text(f"files: {report.path}  (compare.html, compare.json, trials/)"))
    return Group(*parts)


def methods_table(report: MethodComparison) -> FittingTable:
    """One row per method, the largest gain first."""
    table = FittingTable(
        Column("method", words=True),
        Column("seeds", goes=3),
        Column(report.metric if report.higher_is_better else f"{report.metric} ↓", goes=5),
        Column("gain", goes=6),
        Column("gain, 95 %"),
        Column("change", goes=7),
        Column("change, 95 %"),
        Column("worst", words=True, goes=4),
        Column("drift", goes=2),
        Column("minutes", goes=1),
    )
    for row in sorted(report.methods, key=_by_gain):
        table.add_row(
            f"{row.method}{'' if row.dominated_by else ' *'}{' =' if row.matched else ''}",
            f"{len(row.seeds)}",
            score(report.metric, row.score),
            *_cells(report.metric, row.gain),
            *_cells(report.forgetting_metric, negated(row.forgetting)),
            row.worst or "–",
            ", ".join(f"{value:.3f}" for value in row.drift.values()) or "–",
            f"{row.minutes:.1f}",
            style="dim" if row.dominated_by else "",
        )
    table.caption = (
        f"change: of {report.forgetting_of}, below 0 is worse.  "
        f"* no other method is significantly better in both.  = measured gain close to the largest.  "
        f"Base: {score(report.metric, report.base)}."
    )
    return table


def _by_gain(row: MethodRow) -> float:
    return -row.gain.estimate if isinstance(row.gain, Interval) else 0.0


def _cells(metric: str, found: MaybeInterval) -> tuple[str, str]:
    if not isinstance(found, Interval):
        return "–", "none"
    return change(metric, found.estimate), f"{change(metric, found.low)} to {change(metric, found.high)}"
