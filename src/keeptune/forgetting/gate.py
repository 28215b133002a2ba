"""The gate: one verdict over all declared abilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from keeptune.errors import ConfigError
from keeptune.forgetting.change import corrected_changes
from keeptune.forgetting.sentences import sentences
from keeptune.forgetting.verdict import collapsed
from keeptune.records import AbilityReport, Gate, Verdict
from keeptune.statistics.multiplicity import holm_adjust
from keeptune.statistics.planning import ALPHA

FAMILY_ALPHA = ALPHA
"""Chance, at most, that any declared ability is called lost though none fell by more than its margin."""

_WITHOUT_P: tuple[Verdict, ...] = ("collapsed", "not measurable")

EXIT_CODES: dict[Gate, int] = {"fail": 3, "inconclusive": 4}


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from all abilities together."""

    abilities: tuple[AbilityReport, ...]
    """As given, the declared ones with their corrected p-value and verdict, all with their corrected change."""
    gate: Gate
    sentences: tuple[str, ...]
    """One or two, for the user: see `sentences`."""
    exit_code: int


def decide(
    reports: Sequence[AbilityReport], fail_on: Sequence[str] = ("fail",), alpha: float = FAMILY_ALPHA
) -> Decision:
    """Correct the declared abilities for their number, then pass, fail, or neither.

    lost: also the p-value must pass Holm at `alpha` over the declared abilities. Any lost or collapsed → fail. All
    kept → pass: an intersection-union claim, which needs no correction (Berger 1982, Technometrics 24:295-300). Else
    inconclusive, also where an ability could not be measured. Undeclared abilities never count.

    Args:
        fail_on: gates that end with an exit code above 0: ``fail`` (3), ``inconclusive`` (4).
        alpha: the one-sided error of this look; less than 0.025 where it is one of several.
    """
    abilities = corrected_changes(_corrected(reports, alpha), 2.0 * alpha)
    declared = [report for report in abilities if report.declared]
    gate = _gate([report.verdict for report in declared])
    return Decision(abilities, gate, sentences(gate, abilities), exit_code(gate, fail_on))


def exit_code(gate: Gate, fail_on: Sequence[str] = ("fail",)) -> int:
    """0, or the gate's own code where `fail_on` names it."""
    for name in fail_on:
        if name not in EXIT_CODES:
            raise ConfigError(f"there is no outcome {name!r} to fail on", f"choose from {', '.join(EXIT_CODES)}")
    return EXIT_CODES[gate] if gate in fail_on else 0


def _gate(verdicts: Sequence[Verdict]) -> Gate:
    if not verdicts:
        return "nothing declared"
    if "lost" in verdicts or "collapsed" in verdicts:
        return "fail"
    return "pass" if set(verdicts) == {"kept"} else "inconclusive"


def _corrected(reports: Sequence[AbilityReport], alpha: float) -> tuple[AbilityReport, ...]:
    """Holm over the declared abilities. One without a p-value, or that is judged otherwise, counts with p = 1."""
    declared = [report for report in reports if report.declared]
    usable = [None if report.verdict in _WITHOUT_P else report.p_lost for report in declared]
    adjusted = dict(zip(map(id, declared), holm_adjust([1.0 if p is None else p for p in usable]), strict=True))
    return tuple(_with_holm(r, adjusted[id(r)], len(declared), alpha) if r.declared else r for r in reports)


def _with_holm(report: AbilityReport, p: float, family: int, alpha: float) -> AbilityReport:
    if report.p_lost is None or report.verdict in _WITHOUT_P:
        return report
    if report.verdict != "lost" or p <= alpha:
        return replace(report, p_lost_holm=p)
    if report.collapse:
        return replace(report, p_lost_holm=p, verdict="collapsed", reason=collapsed(report.collapse))
    return replace(
        report,
        p_lost_holm=p,
        verdict="inconclusive",
        reason=(
            f"By itself the drop is above the margin of {report.margin:g}, but not after correction for the {family} "
            f"declared abilities (Holm p = {p:.3g}, above {alpha:.3g})."
        ),
    )
