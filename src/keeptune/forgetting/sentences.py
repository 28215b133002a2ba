"""The abilities of a report in one or two sentences."""

from __future__ import annotations

from collections.abc import Sequence

from keeptune.forgetting.amounts import amount, between, changed, signed
from keeptune.forgetting.verdict import NEW, items_to_keep
from keeptune.records import AbilityReport, Gate, Interval, Verdict
from keeptune.scoring.table import counted_in
from keeptune.statistics.jackknife import too_few

_DEGENERATE = ("degenerate", "empty answers", "below chance", "not scored")
"""Flags that mean that the answers are not usable."""
DETAILED = 3
"""Maximum number of abilities that a sentence describes with their numbers, the worst first."""
NAMED = 4
"""Maximum number of abilities with one outcome that are named; of more, only the number is given."""


def sentences(gate: Gate, reports: Sequence[AbilityReport]) -> tuple[str, ...]:
    """One sentence on the declared abilities, one on the others; only the latter where none was declared.

    No sentence denies a fall if an interval excludes 0, answers degenerated, or an ability could not be judged.
    """
    declared = [report for report in reports if report.declared]
    others = [report for report in reports if not report.declared]
    if gate == "nothing declared":
        return (_side_effects(others, "none was declared"),) if others else ("No ability was measured.",)
    first = _all_kept(declared) if gate == "pass" else "; ".join(_declared(declared)) + "."
    return first, _side_effects(others) if others else "No other ability was measured."


def _declared(declared: Sequence[AbilityReport]) -> list[str]:
    """Clauses on declared abilities that are not all kept, the worst first."""
    lost, collapsed = _worst_first(_with(declared, "lost")), _with(declared, "collapsed")
    inconclusive, unjudged = _with(declared, "inconclusive"), _with(declared, "not measurable")
    detailed = [*lost, *collapsed, *inconclusive, *unjudged][:DETAILED]
    fell = [_fell(report) for report in lost if report in detailed]
    found = [f"{_list(fell)}, more than the margin allows"] if fell else []
    found += [_collapsed(report) for report in collapsed if report in detailed]
    found += [_inconclusive(report) for report in inconclusive if report in detailed]
    found += [_unjudged(report) for report in unjudged if report in detailed]
    lost, collapsed, inconclusive, unjudged = (
        [report for report in reports if report not in detailed]
        for reports in (lost, collapsed, inconclusive, unjudged)
    )
    found += [*_also("fell by more than the margin", lost), *_also("collapsed", collapsed)]
    found += [*_are("inconclusive", inconclusive, NAMED), *_also("could not be measured", unjudged)]
    return [*found, *_are("kept", _with(declared, "kept"), NAMED)]


def _with(reports: Sequence[AbilityReport], verdict: Verdict) -> list[AbilityReport]:
    return [report for report in reports if report.verdict == verdict]


def _all_kept(kept: Sequence[AbilityReport]) -> str:
    """With the one that comes closest to its margin."""
    closest = max(kept, key=lambda r: r.drop.high / r.margin if isinstance(r.drop, Interval) else 0.0)
    if not isinstance(closest.drop, Interval):
        raise ValueError(f"{closest.name} is kept without an interval")
    most = signed(-closest.drop.high, closest.metric, closest.margin)
    words = f"the change is {most} {counted_in(closest.metric)} at worst (margin {closest.margin:g})"
    if len(kept) == 1:
        return f"{closest.name} is kept: {words}."
    count = "Both" if len(kept) == 2 else f"All {len(kept)}"
    return f"{count} declared abilities are kept; the closest is {closest.name}: {words}."


def _side_effects(others: Sequence[AbilityReport], note: str = "") -> str:
    """What else changed, the worst first. Exploratory; corrected for the number of abilities (`corrected_changes`)."""
    noted = f" ({note})" if note else ""
    collapsed = _worst_first(_with(others, "collapsed"))
    fell = _worst_first([r for r in others if r.verdict != "collapsed" and _fell_by(r) is not None])
    rest = [report for report in others if report not in (*collapsed, *fell)]
    unjudged = [report for report in rest if not _is_judged(report)]
    doubtful = [report for report in rest if _is_judged(report) and _signs(report)]
    plain = [report for report in rest if _is_judged(report) and not _signs(report)]
    inconclusive = _are("inconclusive", _with(plain, "inconclusive"), NAMED)
    if len(plain) == len(others):
        where = (
            f"in {len(plain)} {'ability' if len(plain) == 1 else 'abilities'}{noted}"
            if note
            else "in the undeclared abilities"
        )
        names = "" if note else f" ({_names(plain, NAMED)})"
        doubt = _all_are("inconclusive", plain) if {r.verdict for r in plain} == {"inconclusive"} else inconclusive
        return f"{'; '.join([f'No forgetting was shown {where}{names}', *doubt])}."
    left = max(DETAILED - len(collapsed), 0)
    found = [_collapsed(report) for report in collapsed[:DETAILED]]
    found += [_list([_fell(report) for report in fell[:left]])] if fell[:left] else []
    found += _also("collapsed", collapsed[DETAILED:])
    found += _also("got worse", [report for report in fell[left:] if _is_shown(report)])
    found += _also("may have become worse", [report for report in fell[left:] if not _is_shown(report)])
    found += [f"{report.name}: {'; '.join(_signs(report))}" for report in doubtful[:DETAILED]]
    found += _also("have degenerate or unscored answers", doubtful[DETAILED:])
    if unjudged:
        found.append(f"{_names(unjudged, NAMED)} could not be judged")
    told = "; ".join([*found, *_are("kept", _with(plain, "kept"), NAMED), *inconclusive])
    return f"{told}{noted}." if note else f"Not declared: {told}."


def _are(word: str, reports: Sequence[AbilityReport], named: int | None = None) -> list[str]:
    """``facts and logic are kept``; empty without reports."""
    if not reports:
        return []
    return [f"{_names(reports, named)} {'is' if len(reports) == 1 else 'are'} {word}"]


def _all_are(word: str, reports: Sequence[AbilityReport]) -> list[str]:
    """As `_are`, of all abilities that a sentence has just counted or named."""
    if len(reports) < 2:
        return _are(word, reports)
    return [f"{'both' if len(reports) == 2 else f'all {len(reports)}'} are {word}"]


def _also(outcome: str, reports: Sequence[AbilityReport]) -> list[str]:
    """``also collapsed: facts and logic``; empty without reports."""
    return [f"also {outcome}: {_names(reports, NAMED)}"] if reports else []


def _names(reports: Sequence[AbilityReport], named: int | None = None) -> str:
    """Their names as in the table of abilities, or their number if there are more than `named`."""
    if named is not None and len(reports) > named:
        return f"{len(reports)} abilities"
    return _list([report.name for report in reports])


def _fell_by(report: AbilityReport) -> float | None:
    """By how much it fell; None unless its interval excludes 0 or a change was shown."""
    if not isinstance(report.drop, Interval) or (report.change != "fell" and report.drop.low <= 0.0):
        return None
    return report.drop.estimate


def _worst_first(reports: Sequence[AbilityReport]) -> list[AbilityReport]:
    """By how many margins they fell."""
    return sorted(reports, key=lambda r: -(r.drop.estimate if isinstance(r.drop, Interval) else 0.0) / r.margin)


def _is_shown(report: AbilityReport) -> bool:
    """Whether a fall was shown, after correction for the number of abilities."""
    return report.change == "fell" or report.verdict in ("lost", "collapsed")


def _is_judged(report: AbilityReport) -> bool:
    return report.verdict != "not measurable" and report.p_lost is not None and isinstance(report.drop, Interval)


def _signs(report: AbilityReport) -> list[str]:
    return [flag for flag in report.flags if flag.startswith(_DEGENERATE)]


def _collapsed(report: AbilityReport) -> str:
    return f"{report.name} collapsed: {report.collapse}"


def _unjudged(report: AbilityReport) -> str:
    by = "" if _fell_by(report) is None else f", although {_fell(report)}"
    return f"{report.name} could not be measured{by}"


def _fell(report: AbilityReport) -> str:
    if not isinstance(report.drop, Interval):
        return report.name
    by = amount(report.drop.estimate, report.metric, report.margin)
    limits = between(report.drop, report.metric, report.margin)
    verb = "fell" if report.higher_is_better else "got worse"
    if not _is_shown(report):
        # The interval excludes 0, so a fall is not denied; after correction for many abilities, none is shown.
        few = (
            "; too little data to be sure"
            if report.p_lost is None
            else "; not significant after correction for the number of abilities"
        )
        limits += few
        verb = "may have fallen" if report.higher_is_better else "may have become worse"
    how = f", as its answers collapsed: {report.collapse}" if report.collapse else ""
    return f"{report.name} {verb} by {by} {counted_in(report.metric)} ({limits}; margin {report.margin:g}){how}"


def _inconclusive(report: AbilityReport) -> str:
    if not isinstance(report.drop, Interval):
        return f"{report.name} is inconclusive"
    limits = changed(report.drop, report.metric, report.margin)
    needed = items_to_keep(report.items_to_decide, report.drop, report.items)
    more = f"; about {needed:,} items {NEW} could show that it is kept" if needed else ""
    if too_few(report.drop):
        more = f"; {report.drop.method.rpartition('; ')[2]}"
    elif report.drop.low > report.margin:
        more = "; too little data to be sure"
    return (
        f"{report.name} is inconclusive (change {limits} {counted_in(report.metric)}; margin {report.margin:g}{more})"
    )


def _list(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
