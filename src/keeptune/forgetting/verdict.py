"""The verdict on one ability: kept, lost, collapsed, inconclusive or not measurable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from keeptune.errors import ConfigError
from keeptune.forgetting.amounts import amount, between, changed, signed
from keeptune.forgetting.change import change_of
from keeptune.forgetting.collapse import find_collapse
from keeptune.forgetting.compare import Pair, pair
from keeptune.forgetting.drop import FEW_CHANGES, NO_CHANGE, Drop
from keeptune.forgetting.flags import find_flags
from keeptune.forgetting.measurable import why_not_measurable
from keeptune.forgetting.paired_scores import PairedScores, paired_scores
from keeptune.forgetting.retention import retention
from keeptune.forgetting.sequential import drop_in_blocks
from keeptune.forgetting.unscored import bounded_drop
from keeptune.records import Ability, AbilityReport, EvalRecord, Interval, Undefined, Verdict
from keeptune.scoring.metric import Metric
from keeptune.scoring.table import counted_in, get_metric
from keeptune.statistics.confidence_sequence import Planned

BASE_TOO_LOW = Undefined("the base is not significantly above the floor")
MOST_ITEMS = 100_000
"""Maximum number of items that a message advises."""
NEW = "(all new, or planned with --looks)"
"""Condition on more items. Adding items and re-measuring until a verdict appears would let chance decide."""


WhyNot = Callable[[Metric, Sequence[Pair], bool], str | Undefined]
"""(metric, pairs, whether they surely changed) → why the ability is not measurable; "" where it is."""


@dataclass(frozen=True, slots=True)
class Confidence:
    """Confidence of the intervals of drops."""

    level: float = 0.95
    """Level; above 0.95 if this is one of several looks."""
    family: int = 1
    """Number of declared abilities: statements about a declared one hold for all of them jointly."""
    planned: Planned | None = None
    """All items of an ability that is evaluated in blocks until its verdict is decided; else None."""

    @property
    def alpha(self) -> float:
        """One-sided error of an interval."""
        return (1.0 - self.level) / 2.0


def judge(
    ability: Ability,
    base: Sequence[EvalRecord],
    tuned: Sequence[EvalRecord],
    dev_base: Sequence[EvalRecord] = (),
    obstacle: str = "",
    confidence: Confidence = Confidence(),
) -> AbilityReport:
    """One ability before and after, by its first metric.

    The drop is base − tuned (tuned − base where lower is better) on the items that both sides have a score for; its
    limits take in what the others could have been. kept: its upper limit is below the ability's margin; lost: its
    lower limit is above; collapsed: not lost, and yet the tuned model no longer answers; else inconclusive, or not
    measurable where the base has too little to lose. "lost" here is not yet corrected for the number of abilities:
    `decide` does that.

    Args:
        base: the records of the verdict items; `tuned` holds the same items.
        dev_base: the base's records of the development items: by them it is settled whether the ability is
            measurable.
        obstacle: why it is not measurable whatever the records say.
        confidence: of the drop's interval.

    Raises:
        PairingError: base and tuned do not hold the same items.
        MetricError: the records do not hold the metric.
        ConfigError: the margin is not a positive number, or 100 points and more.
    """

    def why_not(metric: Metric, pairs: Sequence[Pair], surely: bool) -> str | Undefined:
        before, after = [b for b, _ in pairs], [t for _, t in pairs]
        return obstacle or why_not_measurable(ability, metric, dev_base, before, after, base_alone=surely)

    return _judged(ability, pair(base, tuned), confidence, why_not)


def judge_copy(
    ability: Ability, scored: Sequence[EvalRecord], copy: Sequence[EvalRecord], confidence: Confidence = Confidence()
) -> AbilityReport:
    """As `judge`, of a model and what should answer as it does: an export. It loses what it answers worse, whether or
    not the model itself is above the floor."""
    return _judged(ability, pair(scored, copy), confidence, lambda *_: "")


def _judged(ability: Ability, pairs: Sequence[Pair], confidence: Confidence, why_not: WhyNot) -> AbilityReport:
    metric = get_metric(ability.metrics[0])
    check_margin(ability, metric)
    scores = paired_scores(pairs, metric)
    family = confidence.family if ability.declared else 1
    if confidence.planned:
        drop = drop_in_blocks(pairs, scores, ability.margin, confidence.alpha, confidence.planned, family)
    else:
        drop = bounded_drop(pairs, scores, ability.margin, confidence.level, family)
    collapse = find_collapse([b for b, _ in pairs], [t for _, t in pairs], metric)
    verdict, reason = _verdict(ability, scores, drop, pairs, why_not)
    if collapse and verdict != "lost":
        verdict, reason = "collapsed", collapsed(collapse)
    if confidence.planned and len(pairs) < confidence.planned.items:
        told = "Decided after" if verdict in ("kept", "lost") else "Evaluated on"
        reason = f"{reason} {told} {len(pairs):,} of {confidence.planned.items:,} items."
    flips = scores.flips()
    before, after = scores.corpus()
    change = change_of(scores, drop, confidence.level)
    return AbilityReport(
        name=ability.name,
        title=ability.title,
        source=ability.source,
        version=ability.version,
        output_type=ability.output_type,
        metric=metric.name,
        higher_is_better=metric.higher_is_better,
        declared=ability.declared,
        margin=ability.margin,
        chance=ability.chance,
        items=scores.items,
        planned_items=confidence.planned.items if confidence.planned else None,
        clusters=len(set(scores.clusters)),
        unscored=scores.unscored,
        base=None if isinstance(before, Undefined) else before,
        tuned=None if isinstance(after, Undefined) else after,
        drop=drop.interval,
        p_lost=None if drop.p_above is None else min(1.0, drop.p_above / drop.share),
        p_lost_holm=None,
        verdict=verdict,
        reason=reason,
        change=change.word,
        change_p=change.p,
        retention=BASE_TOO_LOW if verdict == "not measurable" else retention(scores, ability.chance),
        rose=flips.rose,
        fell=flips.fell,
        unchanged=flips.unchanged,
        detectable_drop=drop.detectable,
        items_to_decide=drop.items_to_decide,
        flags=find_flags([b for b, _ in pairs], [t for _, t in pairs], metric, ability.chance),
        collapse=collapse,
    )


def collapsed(collapse: str) -> str:
    """The reason of that verdict."""
    return f"The answers collapsed: {collapse}."


def check_margin(ability: Ability, metric: Metric) -> None:
    """Raise ConfigError for a margin that every drop of this metric, or none, exceeds."""
    if ability.margin > 0.0 and (metric.unit == "nats" or ability.margin < 100.0):
        return
    limits = "above 0 nats per token" if metric.unit == "nats" else "above 0 and below 100 points"
    raise ConfigError(f"the margin of {ability.name} is {ability.margin:g}", f"give it a margin {limits}")


def _verdict(
    ability: Ability,
    scores: PairedScores,
    drop: Drop,
    pairs: Sequence[Pair],
    why_not: WhyNot,
) -> tuple[Verdict, str]:
    """The verdict and its reason in one sentence."""
    if isinstance(drop.interval, Undefined):
        return "inconclusive", _sentence(drop.interval.reason)
    verdict = drop.verdict(ability.margin)
    why = why_not(scores.metric, pairs, verdict == "lost" or drop.interval.high < 0.0)
    if isinstance(why, Undefined):
        return "inconclusive", _sentence(why.reason)
    if why:
        return "not measurable", _sentence(why)
    if drop.caveat:
        return "inconclusive", _sentence(drop.caveat)
    return verdict, _why(verdict, drop, drop.interval, scores, ability.margin)


def decided_early(report: AbilityReport, confidence: Confidence) -> bool:
    """Whether no further block is needed: the ability is kept, or lost at Holm's strictest step too."""
    if report.verdict == "lost":
        assert report.p_lost is not None
        return report.p_lost <= confidence.alpha / (confidence.family if report.declared else 1)
    return report.verdict == "kept"


def _why(verdict: Verdict, drop: Drop, interval: Interval, scores: PairedScores, margin: float) -> str:
    metric, items = scores.metric.name, scores.items
    names = counted_in(metric)
    if interval.method == NO_CHANGE:
        return "Every item has exactly the same loss before and after."
    if verdict == "kept":
        most = (
            f"The change is {signed(-interval.high, metric, margin)} {names} at worst, within the margin of {margin:g}"
        )
        few = ", because so few items changed." if interval.method == FEW_CHANGES else "."
        return most + few
    if verdict == "lost":
        return f"The drop is at least {amount(interval.low, metric, margin)} {names}, above the margin of {margin:g}."
    if interval.low > margin:
        return (
            f"The drop is {between(interval, metric, margin)} {names}, above the margin of {margin:g}, "
            "but so few items changed that chance may explain it; more items would decide."
        )
    drop_is = f"The change is {changed(interval, metric, margin)} {names}, on both sides of the margin of {margin:g}"
    if scores.unscored:
        return f"{drop_is}; this allows for any score of the {scores.unscored} items without one."
    to_keep = items_to_keep(drop.items_to_decide, interval, items)
    if to_keep:
        return f'{drop_is}; about {to_keep:,} items {NEW} would show "kept" if nothing has changed.'
    if drop.items_to_decide and drop.items_to_decide > MOST_ITEMS:
        return f"{drop_is}; a margin this small needs more than {MOST_ITEMS:,} items."
    if drop.items_as_seen and drop.items_as_seen <= MOST_ITEMS:
        return (
            f"{drop_is}; about {drop.items_as_seen:,} items {NEW} would decide if the true change is the one observed."
        )
    if interval.method == FEW_CHANGES:
        return f"{drop_is}; so few items changed that the bound is rough, and more items would decide."
    return f"{drop_is}, too close to it for any number of items to decide."


def items_to_keep(planned: int | None, drop: Interval, items: int) -> int | None:
    """Items to advise for "kept". None if a change is significant, because the plan assumes no change."""
    if planned is None or not items < planned <= MOST_ITEMS or drop.low > 0.0 or drop.high < 0.0:
        return None
    return planned


def _sentence(reason: str) -> str:
    return f"{reason[0].upper()}{reason[1:]}."
