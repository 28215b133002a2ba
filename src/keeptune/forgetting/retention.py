"""Retention: the share of what the base could do beyond chance that the tuned model still can."""

from __future__ import annotations

from keeptune.forgetting.paired_scores import PairedScores
from keeptune.numerics.fieller import fieller_interval
from keeptune.numerics.jackknife import paired_moments
from keeptune.records import Interval, MaybeInterval, Undefined


def retention(scores: PairedScores, chance: float | None) -> MaybeInterval:
    """(tuned − chance)/(base − chance), a fraction, with Fieller's interval from the jackknife's covariance.

    `scores` are before = base, after = tuned. Undefined where the metric has no chance level and where the
    base is not clearly above it.
    """
    if chance is None:
        return Undefined("the metric has no chance level")
    counted = scores.counted()
    moments = paired_moments(*counted)
    if isinstance(moments, Undefined):
        return moments
    base, tuned = moments.denominator - chance, moments.numerator - chance
    ratio = fieller_interval(moments._replace(numerator=tuned, denominator=base), len(counted.before) - 1)
    above = base > 0.0 if scores.metric.higher_is_better else base < 0.0
    if isinstance(ratio, Undefined) or not above:
        return Undefined("the base is not clearly above chance")
    differing = int((counted.before != counted.after).any(axis=1).sum())
    return ratio if differing else Interval(1.0, 1.0, 1.0, ratio.level, f"{ratio.method}; no item differs")
