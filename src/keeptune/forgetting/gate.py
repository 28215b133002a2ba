"""The gate: one verdict over all declared abilities, and what a colleague would say about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from keeptune.errors import ConfigError
from keeptune.forgetting.amounts import amount, between, unit
from keeptune.numerics.multiplicity import holm_adjust
from keeptune.numerics.planning import ALPHA
from keeptune.records import AbilityReport, Gate, Interval, Verdict

FAMILY_ALPHA = ALPHA
"""Chance, at most, that any declared ability is called lost though none fell by more than its margin."""

EXIT_CODES: dict[Gate, int] = {"fail": 3, "inconclusive": 4}


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from all abilities together."""

    abilities: tuple[AbilityReport, ...]
    """As given, the declared ones with their corrected p-value and verdict."""
    gate: Gate
    sentences: tuple[str, ...]
    """Two, for the user."""
    exit_code: int


def decide(reports: Sequence[AbilityReport], fail_on: Sequence[str] = ("fail",)) -> Decision:
    """Correct the declared abilities for their number, then pass, fail, or neither.

    lost: also the p-value must pass Holm at 0.025 over the declared abilities. Any lost → fail. All kept → pass: an
    intersection-union claim, which needs no correction (Berger 1982, Technometrics 24:295-300). Else
    inconclusive, also where an ability could not be measured. Undeclared abilities never count.

    Args:
        fail_on: gates that end with an exit code above 0: ``fail`` (3), ``inconclusive`` (4).
    """
    abilities = _corrected(reports)
    declared = [report for report in abilities if report.declared]
    gate = _gate([report.verdict for report in declared])
    return Decision(abilities, gate, _sentences(gate, abilities), exit_code(gate, fail_on))


def exit_code(gate: Gate, fail_on: Sequence[str] = ("fail",)) -> int:
    """0, or the gate's own code where `fail_on` names it."""
    for name in fail_on:
        if name not in EXIT_CODES:
            raise ConfigError(f"there is no gate {name!r} to fail on", f"choose from {', '.join(EXIT_CODES)}")
    return EXIT_CODES[gate] if gate in fail_on else 0


def _gate(verdicts: Sequence[Verdict]) -> Gate:
    if not verdicts:
        return "nothing declared"
    if "lost" in verdicts:
        return "fail"
    return "pass" if set(verdicts) == {"kept"} else "inconclusive"


def _corrected(reports: Sequence[AbilityReport]) -> tuple[AbilityReport, ...]:
    """Holm over the declared abilities. One without a p-value, or that cannot be measured, counts with p = 1."""
    declared = [report for report in reports if report.declared]
    usable = [report.p_lost if report.verdict != "not measurable" else None for report in declared]
    adjusted = dict(zip(map(id, declared), holm_adjust([1.0 if p is None else p for p in usable]), strict=True))
    return tuple(_with_holm(r, adjusted[id(r)], len(declared)) if r.declared else r for r in reports)


def _with_holm(report: AbilityReport, p: float, family: int) -> AbilityReport:
    if report.p_lost is None or report.verdict == "not measurable":
        return report
    if report.verdict != "lost" or p <= FAMILY_ALPHA:
        return replace(report, p_lost_holm=p)
    return replace(
        report,
        p_lost_holm=p,
        verdict="inconclusive",
        reason=(
            f"By itself the drop is above the margin of {report.margin:g}, but not after correction for the {family} "
            f"declared abilities (Holm p = {p:.3g}, above {FAMILY_ALPHA})."
        ),
    )


def _sentences(gate: Gate, reports: Sequence[AbilityReport]) -> tuple[str, ...]:
    declared = [report for report in reports if report.declared]
    second = _side_effects([report for report in reports if not report.declared])
    if gate == "nothing declared":
        return ("Nothing else was declared to matter; these are the side effects.", second)
    if gate == "pass":
        return (_all_kept(declared), second)
    lost, kept = _with(declared, "lost"), _with(declared, "kept")
    open_ = [_undecided(r) for r in _with(declared, "inconclusive")]
    open_ += [f"{r.title} could not be measured" for r in _with(declared, "not measurable")]
    rest = [f"{_list([r.title for r in kept])} {'is' if len(kept) == 1 else 'are'} kept"] if kept else []
    if gate == "fail":
        return ("; ".join([f"{_list([_fell(r) for r in lost])}, more than you allow", *open_, *rest]) + ".", second)
    return ("; ".join([f"Nothing that you declared is shown to be lost, but {_list(open_)}", *rest]) + ".", second)


def _with(reports: Sequence[AbilityReport], verdict: Verdict) -> list[AbilityReport]:
    return [report for report in reports if report.verdict == verdict]


def _all_kept(kept: Sequence[AbilityReport]) -> str:
    """With the one that comes closest to its margin."""
    closest = max(kept, key=lambda r: r.drop.high / r.margin if isinstance(r.drop, Interval) else 0.0)
    if not isinstance(closest.drop, Interval):
        raise ValueError(f"{closest.name} is kept without an interval")
    most = amount(closest.drop.high, closest.metric, closest.margin)
    words = f"a drop of {most} {unit(closest.metric)} at most (margin {closest.margin:g})"
    if len(kept) == 1:
        return f"{closest.title} is kept: {words}."
    count = "Both" if len(kept) == 2 else f"All {len(kept)}"
    return f"{count} abilities that you declared are kept; the closest call is {closest.title}, {words}."


def _side_effects(others: Sequence[AbilityReport]) -> str:
    """What else fell, the worst first: exploratory, uncorrected."""
    if not others:
        return "No other ability was measured."
    fell = [report for report in others if report.change == "fell" and isinstance(report.drop, Interval)]
    if not fell:
        return f"No fall was shown in what you did not declare ({_list([report.title for report in others])})."
    fell.sort(key=lambda r: -r.drop.estimate / r.margin if isinstance(r.drop, Interval) else 0.0)
    return f"Not declared: {_list([_fell(report) for report in fell])}."


def _fell(report: AbilityReport) -> str:
    if not isinstance(report.drop, Interval):
        return report.title
    by = amount(report.drop.estimate, report.metric, report.margin)
    limits = between(report.drop, report.metric, report.margin)
    verb = "fell" if report.higher_is_better else "got worse"
    return f"{report.title} {verb} by {by} {unit(report.metric)} ({limits}; margin {report.margin:g})"


def _undecided(report: AbilityReport) -> str:
    if not isinstance(report.drop, Interval):
        return f"{report.title} is undecided"
    limits = between(report.drop, report.metric, report.margin)
    needed = report.items_to_decide or 0
    more = f"; about {needed:,} items could show it kept" if needed > report.items else ""
    return f"{report.title} is undecided (a drop of {limits} {unit(report.metric)}; margin {report.margin:g}{more})"


def _list(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
