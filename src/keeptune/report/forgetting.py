"""The forgetting report in a terminal: pure views of records. No number is computed here."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from keeptune.records import AbilityReport, Confusion, ForgettingReport, Interval, IntrusionReport, Undefined, negated
from keeptune.report.ending import ending_of_measure
from keeptune.report.ending_lines import ending_lines
from keeptune.report.fitting_table import Column, FittingTable
from keeptune.report.html.forest import ordered
from keeptune.report.mitigation_search import mitigation_search_report
from keeptune.report.notes import notes
from keeptune.report.phrases import change, headline, interval_of, score
from keeptune.report.visible import visible

STYLES = {
    "kept": "green",
    "lost": "bold red",
    "collapsed": "bold red",
    "inconclusive": "yellow",
    "not measurable": "dim",
}
SIGNS = {"kept": "✓", "lost": "✗", "collapsed": "∅", "inconclusive": "?", "not measurable": "–"}
CELLS = 5
"""Maximum confusions shown for an ability: those that grew most."""


def forgetting_report(report: ForgettingReport) -> RenderableType:
    """A whole report of `measure`, the answer last."""
    parts = [*forgetting_details(report), Text(""), *notes(report.notices)]
    parts.append(Text(f"files: {report.path}  (report.html, forgetting.json, abilities/)"))
    return Group(*parts, *ending_lines(ending_of_measure(report)))


def forgetting_details(report: ForgettingReport) -> list[RenderableType]:
    """Everything but notes, files and the ending."""
    parts: list[RenderableType] = [Text(""), abilities_table(report.abilities)]
    if report.mitigation_search is not None:
        parts.append(mitigation_search_report(report.mitigation_search))
    parts += _quantization(report.quantization)
    parts += _explanations(report.abilities)
    parts += _intrusion(report.intrusion)
    parts += _confusions(report.confusions)
    parts += _drift(report)
    seconds = report.manifest.seconds
    if seconds:
        times = ", ".join(f"{name.replace('_', ' ')} {value:.0f} s" for name, value in seconds.items())
        parts.append(Text(f"time: {times}", style="dim"))
    return parts


def abilities_table(abilities: Sequence[AbilityReport], sides: tuple[str, str] = ("base", "tuned")) -> FittingTable:
    """One row per ability: declared ones first, then the worst verdicts.

    Args:
        sides: what was compared.
    """
    table = FittingTable(
        Column("ability", words=True),
        Column("verdict", words=True),
        Column(sides[0], goes=5),
        Column(sides[1], goes=6),
        Column("change", goes=7),
        Column(interval_of(abilities)),
        Column("margin", goes=4),
        Column("retention", goes=2),
        Column("items", goes=3),
        Column("rose/fell", goes=1),
    )

    def limit(a: AbilityReport, value: float) -> str:
        return change(a.metric, value, 0.0, -a.margin)

    for a in ordered(abilities):
        found = negated(a.drop)
        known = isinstance(found, Interval)
        table.add_row(
            f"{a.name}{'' if a.declared else ' ·'}",
            Text(f"{SIGNS[a.verdict]} {a.verdict}", style=STYLES[a.verdict]),
            _score(a.metric, a.base),
            _score(a.metric, a.tuned),
            change(a.metric, found.estimate) if isinstance(found, Interval) else "–",
            f"{limit(a, found.low)} to {limit(a, found.high)}" if isinstance(found, Interval) else "none",
            f"{a.margin:g}",
            f"{a.retention.estimate:.0%}".replace("%", " %") if isinstance(a.retention, Interval) else "–",
            f"{a.items:,}",
            f"{a.rose}/{a.fell}",
            style="" if known else "dim",
        )
    if abilities:
        exploratory = any(not a.declared for a in abilities)
        table.caption = "· not declared with --keep: shown, but not part of the verdict. " if exploratory else ""
        table.caption += "A change below 0 is worse, for a loss too."
    return table


def _score(metric: str, value: float | None) -> str:
    return "–" if value is None else score(metric, value)


def _quantization(cost: ForgettingReport | None) -> list[RenderableType]:
    if cost is None:
        return []
    held = str(cost.config["tuned"]["quantization"])
    task = [] if cost.task is None else [f"the task: {headline(cost.task)}"]
    lines = [*task, *cost.sentences, f"item by item: {cost.path}/report.html"]
    parts = _section(f"what {held} alone costs the base, before any training", lines)
    return [*parts, *([abilities_table(cost.abilities, ("whole", held))] if cost.abilities else [])]


def _explanations(abilities: Sequence[AbilityReport]) -> list[RenderableType]:
    lines = []
    for a in abilities:
        if a.diagnosis is not None:
            lines.append(f"{a.name}: {a.diagnosis.text}")
        lines += [f"{a.name}: {flag}" for flag in a.flags]
        if a.verdict == "collapsed" or (a.declared and a.verdict in ("inconclusive", "not measurable")):
            lines.append(f"{a.name}: {a.reason}")
    return _section("how abilities broke", lines)


def _intrusion(found: IntrusionReport | Undefined) -> list[RenderableType]:
    if isinstance(found, Undefined):
        return _section("intrusion of the new task", [found.reason])
    like = "have the length of" if found.by_length else "look like"
    lines = [
        f"{row.ability}: {row.tuned_share:.0%} of the answers {like} the new task's, {row.base_share:.0%} before"
        for row in sorted(found.rows, key=lambda row: row.base_share - row.tuned_share)
        if isinstance(row.difference, Interval) and row.difference.low > 0
    ]
    measured = (
        f"(the detector finds {found.true_positive_rate:.0%} of the task's own answers, at "
        f"{found.false_positive_rate:.1%} false positives; by length alone {found.length_only_rate:.0%})"
    )
    # An unreliable detector cannot show that there is no intrusion.
    nothing = ["no significant rise of answers that look like the new task's in any ability"] if found.trusted else []
    doubt = [] if found.trusted else [f"unreliable: {found.note}"]
    return _section("intrusion of the new task", [*doubt, *(lines or nothing), measured])


def _confusions(confusions: Sequence[Confusion]) -> list[RenderableType]:
    lines = []
    for confusion in confusions:
        grown = [c for c in confusion.cells if c.tuned > c.base and c.reference != c.given]
        grown.sort(key=lambda c: c.base - c.tuned)
        lines += [f"{confusion.ability}: {c.reference} → {c.given}: {c.base} → {c.tuned}" for c in grown[:CELLS]]
    return _section("confusions (reference → answer: before → after)", lines)


def _drift(report: ForgettingReport) -> list[RenderableType]:
    if isinstance(report.drift, Undefined):
        return []
    lines = [
        f"{row.on}: {row.kl.estimate:.3f} nats per token ({row.kl.low:.3f} to {row.kl.high:.3f})"
        for row in report.drift
        if isinstance(row.kl, Interval)
    ]
    return _section("drift, KL(base ‖ tuned)", [*lines, *([report.drift_history] if report.drift_history else [])])


def _section(title: str, lines: Sequence[str]) -> list[RenderableType]:
    if not lines:
        return []
    return [Text(""), Text(title, style="underline"), *(Text(visible(line)) for line in lines)]
