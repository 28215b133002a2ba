"""The drop of one ability: between which limits it lies, and what this much evidence can show."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TypedDict

from keeptune.forgetting.paired_scores import PairedScores, in_points
from keeptune.records import Interval, MaybeInterval, Undefined, Verdict
from keeptune.statistics.clustered_tango import clustered_tango
from keeptune.statistics.jackknife import MIN_CLUSTERS, Jackknife
from keeptune.statistics.planning import (
    POWER,
    detectable_drop,
    detectable_drop_binary,
    discordant_share,
    items_for_kept,
    items_for_kept_binary,
    items_to_tell,
    items_to_tell_binary,
    power_of_each,
)
from keeptune.statistics.tango import tango_interval, tango_mid_p_above

FEW_CHANGES = "bound by the share of items that change"
NO_CHANGE = "every item has exactly the same score"


@dataclass(frozen=True, slots=True)
class Drop:
    """In the metric's unit; positive is worse."""

    interval: MaybeInterval
    p_above: float | None
    """One-sided p-value of "the drop is at most the margin"."""
    caveat: str
    """Why no verdict can be had, whatever the limits say; "" where one can."""
    detectable: float | None
    """The true drop that would be called lost with 80 % power, also after Holm's correction."""
    items_to_decide: int | None
    """Items for "kept" with 80 % power if nothing changed; of several declared abilities, for all of them."""
    items_as_seen: int | None
    """The same for "kept" or "lost" if the true drop is the one seen."""
    p_changed: float | None = None
    """Two-sided p-value of "nothing changed" for an ability that is evaluated in blocks; else None."""
    share: float = 1.0
    """Share of the verdict's error that is spent here; below 1 for an ability that is evaluated in blocks."""

    def verdict(self, margin: float) -> Verdict:
        """kept: the upper limit is below the margin; lost: the lower limit is above it, and the p-value says so too."""
        if self.caveat or isinstance(self.interval, Undefined) or self.p_above is None:
            return "inconclusive"
        if self.interval.high < margin:
            return "kept"
        lost = self.interval.low > margin and self.p_above <= (1.0 - self.interval.level) / 2.0 + 1e-12
        return "lost" if lost else "inconclusive"


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the promises beside a verdict must hold for."""

    level: float
    family: int

    @property
    def alpha(self) -> float:
        """One-sided, of an interval of that level."""
        return (1.0 - self.level) / 2.0

    @property
    def alpha_lost(self) -> float:
        """Of "lost" at Holm's strictest step."""
        return self.alpha / self.family

    @property
    def power_kept(self) -> float:
        """Of each "kept", where all must be kept."""
        return power_of_each(self.family)


def measure_drop(scores: PairedScores, margin: float, level: float = 0.95, family: int = 1) -> Drop:
    """The drop from before to after, base − tuned, or tuned − base where lower is better.

    Proportions: Tango's interval, of clustered items at their number over the design effect. Other scores: the score
    test of the cluster jackknife.

    Args:
        level: of the interval; above 0.95 where this is one of several drops of which any may be "kept", or one of
            several looks.
        family: how many abilities are declared, this one among them: for which the promises beside the verdict hold.
    """
    if scores.items < 2:
        reason = "only one item has a score on both sides" if scores.items else "no item has a score on both sides"
        return _undecidable(Undefined(reason), reason)
    worse = scores.swapped() if scores.metric.higher_is_better else scores
    if scores.proportions:
        flips = worse.flips()
        return binary_drop(flips.rose, flips.fell, worse.items, margin, level, family)
    result = worse.jackknife()
    if isinstance(result, Undefined):
        return _undecidable(result, result.reason)
    plan = _Plan(level, family)
    if worse.metric.unit == "nats" and result.differing == 0:
        return Drop(Interval(0.0, 0.0, 0.0, level, NO_CHANGE), 1.0, result.too_few_clusters, None, None, None)
    if scores.metric.binary:
        return _clustered_drop(worse, result, margin, plan)
    return _jackknife_drop(result, worse.items, margin, plan)


def binary_drop(worse: int, better: int, items: int, margin: float, level: float = 0.95, family: int = 1) -> Drop:
    """The drop of a proportion, from `worse` items right→wrong and `better` wrong→right; points out of 100."""
    return Drop(
        interval=in_points(tango_interval(worse, better, items, level)),
        p_above=tango_mid_p_above(worse, better, items, margin / 100.0),
        caveat="",
        **_promises(worse / items, better / items, items, 1.0, margin, _Plan(level, family)),
    )


def _clustered_drop(worse: PairedScores, result: Jackknife, margin: float, plan: _Plan) -> Drop:
    flips = worse.flips()
    found = clustered_tango(flips.rose, flips.fell, worse.items, result)
    effect = worse.items / found.items
    lost = None if result.caveat else found.p_above(margin / 100.0)
    return Drop(
        interval=in_points(found.interval(plan.level)),
        p_above=1.0 if result.few_differ and lost is not None else lost,
        caveat=result.caveat,
        **_promises(flips.rose / worse.items, flips.fell / worse.items, worse.items, effect, margin, plan),
    )


class _Promises(TypedDict):
    detectable: float | None
    items_to_decide: int | None
    items_as_seen: int | None


def _promises(worse: float, better: float, items: int, effect: float, margin: float, plan: _Plan) -> _Promises:
    """Of proportions, from the shares of items that flip; `effect` is how many items tell as much as one alone."""
    independent = items / effect
    share, fraction = discordant_share(worse * independent, better * independent, independent), margin / 100.0
    detectable = detectable_drop_binary(share, independent, fraction, plan.alpha_lost)
    kept = items_for_kept_binary(share, fraction, plan.alpha, plan.power_kept)
    is_lost = worse - better > fraction
    alpha, power = (plan.alpha_lost, POWER) if is_lost else (plan.alpha, plan.power_kept)
    seen = items_to_tell_binary(worse, better, fraction, alpha, power)
    return {
        "detectable": None if detectable is None else 100.0 * detectable,
        "items_to_decide": math.ceil(kept * effect),
        "items_as_seen": None if seen is None else math.ceil(seen * effect),
    }


def _jackknife_drop(result: Jackknife, items: int, margin: float, plan: _Plan) -> Drop:
    variance = result.clusters * result.standard_error**2
    kept = items_for_kept(variance, margin, plan.alpha, plan.power_kept, result.null_variance(margin))
    is_lost = result.estimate > margin
    alpha, power = (plan.alpha_lost, POWER) if is_lost else (plan.alpha, plan.power_kept)
    seen = items_to_tell(variance, result.estimate, margin, alpha, power)
    detectable = detectable_drop(variance, result.change_size, result.clusters, margin, plan.alpha_lost, result.degrees)
    interval = result.interval(plan.level)
    few = result.few_differ and result.farthest is not None
    return Drop(
        interval=replace(interval, method=FEW_CHANGES) if few and not result.caveat else interval,
        p_above=None if result.caveat else 1.0 if few else _p_above(result, margin),
        caveat=result.caveat,
        detectable=None if result.caveat or few else detectable,
        items_to_decide=_in_items(max(kept, MIN_CLUSTERS), items, result.clusters),
        items_as_seen=None if seen is None or few else _in_items(max(seen, MIN_CLUSTERS), items, result.clusters),
    )


def _p_above(result: Jackknife, margin: float) -> float:
    p = result.p_above(margin)
    if isinstance(p, Undefined):  # every cluster left out gives the same drop: it is that drop
        return 0.0 if result.estimate > margin else 1.0
    return p


def _in_items(clusters: int, items: int, of_clusters: int) -> int:
    return -(-clusters * items // of_clusters)


def _undecidable(interval: MaybeInterval, caveat: str) -> Drop:
    return Drop(interval, None, caveat, None, None, None)
