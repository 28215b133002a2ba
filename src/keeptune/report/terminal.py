"""A result in a terminal: pure views of records. No number is computed here."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from keeptune.records import Comparison, EvalResult, Interval, SideBySide, TuneResult
from keeptune.report.ending import ending_of_tune
from keeptune.report.ending_lines import ending_lines
from keeptune.report.fitting_table import Column, FittingTable
from keeptune.report.forgetting import forgetting_details
from keeptune.report.notes import notes
from keeptune.report.phrases import best_rival, called, caveat, change, score, training_line, verdict
from keeptune.report.visible import visible

PROMPT_CHARACTERS = 240
ANSWER_CHARACTERS = 400


def tune_report(result: TuneResult) -> RenderableType:
    """A whole `tune` run with its forgetting report. The answer is last, where a terminal keeps it visible."""
    parts: list[RenderableType] = [Text(""), scores_table(result), Text(""), comparisons_table(result.comparisons)]
    parts += marks(result.comparisons)
    if result.samples:
        parts += [Text(""), examples(result.samples)]
    parts += [
        Text(""),
        Text(training_line(result.training)),
        Text(f"metric: {result.primary_metric}: {result.metric_reason}"),
    ]
    rival = best_rival(result.comparisons)
    if rival is not None and any(c.before_name != "base" for c in result.comparisons):
        parts.append(Text(verdict(rival)))
    notices, files = result.notices, "result.json, samples/, the tuned weights"
    if result.forgetting is not None:
        parts += forgetting_details(result.forgetting)
        notices, files = (*notices, *result.forgetting.notices), f"report.html, {files}"
    parts += [Text(""), *notes(notices, result.metric_reason), Text(f"files: {result.path}  ({files})")]
    return Group(*parts, *ending_lines(ending_of_tune(result)))


def eval_report(result: EvalResult) -> RenderableType:
    """The scores of one model."""
    first = result.primary_metric
    parts: list[RenderableType] = [Text("")]
    if first in result.scores:
        line = f"{first} of {result.model} on {result.items:,} items: {score(first, result.scores[first])}"
        parts.append(Text(line, style="bold"))
    table = FittingTable(Column("metric", words=True), Column("score"))
    for metric, value in result.scores.items():
        table.add_row(metric, score(metric, value))
    parts += [Text(""), table, Text(""), Text(f"metric: {result.primary_metric}: {result.metric_reason}")]
    parts += notes(result.notices, result.metric_reason)
    parts.append(Text(f"files: {result.path}  (every item: {result.records_path})"))
    return Group(*parts)


def scores_table(result: TuneResult) -> FittingTable:
    """Base, baselines and tuned by every metric; the primary metric is the first."""
    found = {metric: None for scores in result.scores.values() for metric in scores}
    metrics = sorted(found, key=lambda metric: metric != result.primary_metric)
    others = [Column(metric, goes=len(metrics) - place) for place, metric in enumerate(metrics) if place]
    table = FittingTable(Column("score of", words=True), *map(Column, metrics[:1]), *others)
    names = [name for name in result.scores if name not in ("base", "tuned")]
    for name in ("base", *names, "tuned"):
        scores = result.scores.get(name, {})
        cells = [score(metric, scores[metric]) if metric in scores else "–" for metric in metrics]
        table.add_row(_name(name), *cells, style="bold" if name == "tuned" else "")
    return table


def comparisons_table(comparisons: Sequence[Comparison]) -> FittingTable:
    """Before, after, difference with its interval, and how many items rose and fell."""
    table = FittingTable(
        Column("tuned against", words=True),
        Column("metric", words=True),
        Column("before", goes=3),
        Column("after", goes=4),
        Column("difference", goes=5),
        Column("95 % interval"),
        Column("items", goes=2),
        Column("rose/fell", goes=1),
    )
    for c in comparisons:
        found = c.gain
        known = isinstance(found, Interval)
        table.add_row(
            c.before_name,
            c.metric if c.higher_is_better else f"{c.metric} ↓",
            score(c.metric, c.before),
            score(c.metric, c.after),
            change(c.metric, found.estimate) if isinstance(found, Interval) else "–",
            f"{change(c.metric, found.low)} to {change(c.metric, found.high)}{' *' if caveat(found) else ''}"
            if isinstance(found, Interval)
            else "none",
            f"{c.items:,}",
            f"{c.rose}/{c.fell}",
            style="" if known else "dim",
        )
    return table


def marks(comparisons: Sequence[Comparison]) -> list[RenderableType]:
    """What the marks in the table mean, and why an interval is missing; each once."""
    lines: dict[str, None] = {}
    if not all(c.higher_is_better for c in comparisons):
        lines["↓ lower is better; a difference below 0 is still worse"] = None
    for c in comparisons:
        if not isinstance(c.difference, Interval):
            lines[f"no interval for {c.metric}: {c.difference.reason}"] = None
        elif caveat(c.difference):
            lines[f"* {caveat(c.difference)}"] = None
    return [Text(line, style="dim") for line in lines]


def examples(samples: Sequence[SideBySide]) -> RenderableType:
    """A few items side by side: the prompt, and the answers of base and tuned."""
    parts: list[RenderableType] = []
    for number, sample in enumerate(samples, 1):
        table = Table.grid(padding=(0, 1))
        table.add_column(style="dim", min_width=9)
        table.add_column(overflow="fold")
        rows = {
            "asked": Text(shortened(sample.prompt, PROMPT_CHARACTERS), style="dim"),
            "reference": Text(shortened(sample.reference, ANSWER_CHARACTERS)),
            "base": Text(shortened(sample.base, ANSWER_CHARACTERS) or "(nothing)"),
            "tuned": Text(shortened(sample.tuned, ANSWER_CHARACTERS) or "(nothing)", style="bold"),
        }
        for name, text in rows.items():
            table.add_row(name, text)
        parts += [Text(f"example {number}: {visible(sample.item_id)}", style="underline"), table]
    return Group(*parts)


def shortened(text: str, limit: int) -> str:
    """One line without control characters; the start and end of a longer text."""
    line = visible(" ".join(text.split()))
    if len(line) <= limit:
        return line
    half = (limit - 3) // 2
    return f"{line[:half]} … {line[-half:]}"


def _name(name: str) -> str:
    words = called(name)
    return name if words == name or name in ("base", "tuned") else f"{name}: {words}"
