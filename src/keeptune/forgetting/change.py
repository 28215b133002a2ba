"""Whether an ability changed at all, regardless of its margin, corrected for the number of abilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from scipy.special import stdtr, stdtrit

from keeptune.forgetting.drop import Drop
from keeptune.forgetting.paired_scores import PairedScores
from keeptune.records import AbilityReport, Change, Interval, Undefined
from keeptune.statistics.jackknife import effective_number
from keeptune.statistics.mcnemar import mcnemar_mid_p
from keeptune.statistics.multiplicity import holm_adjust

SIGNIFICANT = 0.05
"""Two-sided significance level of a single look."""


class Shown(NamedTuple):
    """The uncorrected change and its two-sided p-value, or None."""

    word: Change
    p: float | None


def change_of(scores: PairedScores, drop: Drop, level: float = 1.0 - SIGNIFICANT) -> Shown:
    """By mid-p McNemar of proportions of independent items, else by the interval of the drop against 0."""
    significant = 1.0 - level
    if drop.p_changed is not None and isinstance(drop.interval, Interval):
        p = min(1.0, drop.p_changed / drop.share)
        return Shown(_word(drop.interval.estimate > 0.0, p, significant), p)
    if scores.proportions and not scores.unscored:
        flips = scores.flips()
        p = mcnemar_mid_p(flips.rose, flips.fell)
        worse = flips.fell > flips.rose if scores.metric.higher_is_better else flips.rose > flips.fell
        return Shown(_word(worse, p, significant), p)
    if isinstance(drop.interval, Undefined) or drop.caveat:
        return Shown("no change shown", None)
    p = p_of_none(drop.interval, max(effective_number(scores.counted().sizes) - 1.0, 1.0))
    return Shown(_word(drop.interval.estimate > 0.0, p, significant), p)


def corrected_changes(reports: Sequence[AbilityReport], significant: float = SIGNIFICANT) -> tuple[AbilityReport, ...]:
    """Correct each change by Holm for the number of abilities, declared and undeclared ones separately.

    A dozen abilities that are tested at 5 % each name one that fell in every second run in which nothing changed. Holm,
    and not a false discovery rate, since each name is read by itself, and as it holds for abilities that depend on each
    other, which those of one model do.

    Args:
        significant: less than 0.05 where this is one of several looks.
    """
    adjusted: dict[int, float] = {}
    for declared in (True, False):
        family = [r for r in reports if r.declared == declared and r.change_p is not None]
        found = holm_adjust([r.change_p for r in family if r.change_p is not None])
        adjusted |= dict(zip(map(id, family), found, strict=True))
    return tuple(_with(report, adjusted.get(id(report)), significant) for report in reports)


def _with(report: AbilityReport, p: float | None, significant: float) -> AbilityReport:
    if p is None:
        return report
    return replace(report, change="no change shown" if p >= significant else report.change, change_p_holm=p)


def _word(worse: bool, p: float, significant: float) -> Change:
    if p >= significant:
        return "no change shown"
    return "fell" if worse else "rose"


def p_of_none(drop: Interval, degrees: float) -> float:
    """Two-sided, of "nothing changed": that of Student's t whose interval reaches as far towards 0 as this one."""
    reach = drop.estimate - drop.low if drop.estimate > 0.0 else drop.high - drop.estimate
    if reach <= 0.0:
        return 1.0 if drop.estimate == 0.0 else 0.0
    t = abs(drop.estimate) / reach * float(stdtrit(degrees, 0.5 + drop.level / 2.0))
    return float(2.0 * stdtr(degrees, -t))
