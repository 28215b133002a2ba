"""Retention: the share of the base's score above chance that the tuned model keeps."""

from __future__ import annotations

from dataclasses import replace

from keeptune.forgetting.paired_scores import PairedScores
from keeptune.records import MaybeInterval, Undefined
from keeptune.statistics.fieller import fieller_interval
from keeptune.statistics.jackknife import Jackknife, paired_ratio


def retention(scores: PairedScores, chance: float | None) -> MaybeInterval:
    """(tuned − chance)/(base − chance), a fraction, with Fieller's interval.

    `scores` are before = base, after = tuned. Undefined where the metric has no chance level, where the base is not
    clearly above it, and where the clusters are too few for a verdict.
    """
    if chance is None:
        return Undefined("the metric has no chance level")
    ratio = paired_ratio(*scores.counted(), chance)
    if isinstance(ratio, Undefined):
        return ratio
    farthest = scores.farthest()

    def lost(share: float) -> Jackknife:
        """share·(base − chance) − (tuned − chance), so that more is worse."""
        found = replace(ratio(share), farthest=farthest)
        if scores.metric.higher_is_better:
            return found
        return replace(found, estimate=-found.estimate, pseudo=-found.pseudo)

    caveat = lost(1.0).caveat
    if caveat:
        return Undefined(caveat)
    found = fieller_interval(lost)
    return Undefined("the base is not clearly above chance") if isinstance(found, Undefined) else found
