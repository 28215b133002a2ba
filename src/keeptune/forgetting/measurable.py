"""Whether the base can do a thing well enough that losing it could be seen."""

from __future__ import annotations

from collections.abc import Sequence

from keeptune.forgetting.paired_scores import (
    corpus_statistic,
    count_names,
    in_points,
    item_values,
    score_of,
    sum_by_cluster,
)
from keeptune.numerics.jackknife import MIN_CLUSTERS, score_jackknife
from keeptune.numerics.wilson import wilson_interval
from keeptune.records import Ability, EvalRecord, MaybeInterval, Undefined
from keeptune.scoring.metric import Metric


def score_interval(records: Sequence[EvalRecord], metric: Metric) -> MaybeInterval:
    """One model's own score, 95 %: Wilson's interval of a proportion of independent items, else the jackknife's."""
    scored = [(score_of(r, metric), r.cluster) for r in records if score_of(r, metric).value is not None]
    scores, clusters = [score for score, _ in scored], [cluster for _, cluster in scored]
    if metric.binary and len(set(clusters)) == len(clusters):
        return in_points(wilson_interval(sum(value > 50.0 for value in item_values(scores)), len(scores)))
    names = count_names(scores)
    result = score_jackknife(sum_by_cluster(scores, clusters, names), corpus_statistic(metric, names))
    if isinstance(result, Undefined):
        return result
    if result.clusters < MIN_CLUSTERS:
        return Undefined(result.caveat)
    return result.interval()


def why_not_measurable(
    ability: Ability, metric: Metric, dev_base: Sequence[EvalRecord], base: Sequence[EvalRecord]
) -> str:
    """ "" where the base is surely more than twice the margin above chance, or the metric has no chance level.

    By the lower limit (one-sided 97.5 %) of the base's score on the development items: a drop of the margin must leave
    it above chance. Where those have no interval, by the items of the verdict, and the reason says so.
    """
    if ability.chance is None:
        return ""
    on, interval = "the development items", score_interval(dev_base, metric)
    if isinstance(interval, Undefined) and base:
        on, interval = "the items of the verdict (there are too few development items)", score_interval(base, metric)
    if isinstance(interval, Undefined):
        return f"whether the base is above chance cannot be told: {interval.reason}"
    above = interval.low - ability.chance if metric.higher_is_better else ability.chance - interval.high
    if above > 2.0 * ability.margin:
        return ""
    better = "above" if metric.higher_is_better else "below"
    return (
        f"the base is not surely more than {2.0 * ability.margin:g} {better} chance ({ability.chance:g}) on {on}: "
        f"{interval.estimate:.4g} ({interval.low:.4g} to {interval.high:.4g})"
    )
