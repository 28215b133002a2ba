"""The findings of `keeptune check` in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from keeptune.data.check_report import CheckReport, RoleReport
from keeptune.data.token_lengths import LengthSummary
from keeptune.errors import Problem
from keeptune.records import Forecast
from keeptune.report.visible import visible

SHOWN_OF_A_KIND = 10
LABELS = 12


def check_report(report: CheckReport) -> RenderableType:
    """The answer, then the problems by kind, then a summary of the data."""
    parts: list[RenderableType] = [Text(""), Text(conclusion(report), style="bold")]
    for title, problems, style in (("errors", report.errors, "red"), ("warnings", report.warnings, "yellow")):
        if problems:
            parts += [Text(""), Text(f"{title}: {len(problems)}", style=f"bold {style}")]
            parts += _by_kind(problems)
    if report.notes:
        parts += [Text(""), *(Text(visible(str(note))) for note in report.notes)]
    for role in report.roles:
        parts += [Text(""), *_role(role)]
    if report.metric:
        parts += [Text(""), Text(f"metric: {report.metric}: {report.metric_reason}")]
    if report.repeats or report.leaks:
        parts += [Text(""), Text(_repeats(report))]
    if report.advice:
        parts += [Text(""), *(Text(f"advice: {line}") for line in report.advice)]
    if report.forecast:
        parts += [Text(""), Text(_forecast(report.forecast))]
    return Group(*parts)


def _forecast(forecast: Forecast) -> str:
    minutes, seconds = divmod(round(forecast.seconds), 60)
    memory = f" and {forecast.peak_bytes / 2**30:.1f} GiB of memory" if forecast.peak_bytes else ""
    return f"forecast: the training takes about {minutes} min {seconds} s{memory} on this machine"


def conclusion(report: CheckReport) -> str:
    """Whether a run could start, in one line."""
    if report.refusal and not report.errors:
        return f"The rows are readable, but a run would be refused: {visible(report.refusal)}"
    if report.errors:
        count = len(report.errors)
        return f"{count} error{'' if count == 1 else 's'}: a run would be refused. Fix what is listed here first."
    if report.warnings:
        count = len(report.warnings)
        return f"A run can start; {count} warning{'' if count == 1 else 's'} to review."
    return "A run can start; no problems found."


def _by_kind(problems: Sequence[Problem]) -> list[RenderableType]:
    kinds: dict[str, list[Problem]] = {}
    for problem in problems:
        kinds.setdefault(problem.kind, []).append(problem)
    lines: list[RenderableType] = []
    for kind, found in kinds.items():
        lines.append(Text(f"{kind} ({len(found)})", style="underline"))
        lines += [Text(f"  {visible(str(problem))}") for problem in found[:SHOWN_OF_A_KIND]]
        if len(found) > SHOWN_OF_A_KIND:
            lines.append(Text(f"  … and {len(found) - SHOWN_OF_A_KIND} more; --json lists all", style="dim"))
    return lines


def _role(role: RoleReport) -> list[RenderableType]:
    alone = "" if role.clusters == role.examples else f", in {role.clusters:,} groups"
    lines: list[RenderableType] = [
        Text(f"{role.role}: {role.examples:,} usable rows{alone}, {role.path}", style="bold")
    ]
    if role.mapping:
        lines.append(Text(f"  fields: {visible(role.mapping)}"))
    if role.lengths is not None:
        limit = f"; limit per row {role.lengths.limit:,}" if role.lengths.limit else ""
        lines.append(Text(f"  prompt tokens: {_lengths(role.lengths.prompt)}"))
        lines.append(Text(f"  completion tokens: {_lengths(role.lengths.completion)}{limit}"))
    if role.balance:
        shown = ", ".join(f"{label} {count:,}" for label, count in role.balance[:LABELS])
        more = f", … {len(role.balance) - LABELS} more" if len(role.balance) > LABELS else ""
        lines.append(Text(f"  answers: {visible(shown)}{more}"))
    return lines


def _lengths(lengths: LengthSummary) -> str:
    return f"{lengths.shortest:,} to {lengths.longest:,}, median {lengths.median:,}, 95 % at most {lengths.p95:,}"


def _repeats(report: CheckReport) -> str:
    exact = sum(repeat.kind == "exact" for repeat in report.repeats)
    leaked = sum(leak.kind == "exact" for leak in report.leaks)
    return (
        f"repeats in train: {exact} exact, {len(report.repeats) - exact} near; "
        f"train rows that occur in test: {leaked} exact, {len(report.leaks) - leaked} near"
    )
