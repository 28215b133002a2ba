"""Whether the base can do a thing well enough that losing it could be seen."""

from __future__ import annotations

from collections.abc import Sequence

from keeptune.forgetting.floor import find_floor
from keeptune.forgetting.paired_scores import (
    corpus_statistic,
    count_names,
    in_points,
    item_values,
    score_of,
    sum_by_cluster,
)
from keeptune.forgetting.unscored import filled_in
from keeptune.records import Ability, EvalRecord, MaybeInterval, Undefined
from keeptune.scoring.metric import Metric
from keeptune.statistics.jackknife import score_jackknife
from keeptune.statistics.wilson import wilson_interval

DEVELOPMENT = "the development items"
OF_BASE = "the verdict items"
OF_BOTH = "the verdict items, as the mean of both models because there are too few development items"


def score_interval(records: Sequence[EvalRecord], metric: Metric) -> MaybeInterval:
    """One model's own score, 95 %: Wilson's interval of a proportion of independent items, else the jackknife's."""
    scored = [(score_of(r, metric), r.cluster) for r in records if score_of(r, metric).value is not None]
    scores, clusters = [score for score, _ in scored], [cluster for _, cluster in scored]
    if metric.binary and len(set(clusters)) == len(clusters):
        return in_points(wilson_interval(sum(value > 50.0 for value in item_values(scores)), len(scores)))
    names = count_names(scores)
    summed = sum_by_cluster(scores, clusters, names)
    result = score_jackknife(summed, corpus_statistic(metric, names), summed[:, -1])
    if isinstance(result, Undefined):
        return result
    return Undefined(result.too_few_clusters) if result.too_few_clusters else result.interval()


def why_not_measurable(
    ability: Ability,
    metric: Metric,
    dev_base: Sequence[EvalRecord],
    base: Sequence[EvalRecord] = (),
    tuned: Sequence[EvalRecord] = (),
    *,
    base_alone: bool = False,
) -> str | Undefined:
    """ "" where the base is surely more than twice the margin above the floor (see `find_floor`), by the lower limit
    (one-sided 97.5 %) of its score: a drop of the margin must leave it above. Undefined where that cannot be told.

    The development items decide. Where those have no interval, the items of the verdict do, by the mean of base and
    tuned. To go by the base's own score there would choose, among models that did not change, those whose base had
    luck, and so bias the drop; the mean of both favours neither side, as long as they may be equal.

    Args:
        base_alone: the base's own score decides. So where the drop is lost: that verdict's error rate holds whether or
            not the ability is measurable. And where it is surely a rise: what the tuned model has learnt is nothing
            that the base could have lost.
    """
    on, records, of_base = DEVELOPMENT, dev_base, list(dev_base)
    interval = _own(records, metric)
    if isinstance(interval, Undefined) and base:
        of_base = list(base)
        on, records = (OF_BASE, base) if base_alone else (OF_BOTH, [*base, *tuned])
        interval = _own(records, metric)
    if isinstance(interval, Undefined):
        return Undefined(f"whether the base is above the floor is unknown: {interval.reason}")
    floor = find_floor(ability, metric, of_base)
    if isinstance(floor, Undefined):
        return f"whether the base is above the floor is unknown: {floor.reason}"
    above = interval.low - floor.value if metric.higher_is_better else floor.value - interval.high
    if above > 2.0 * ability.margin:
        return ""
    better = "above" if metric.higher_is_better else "below"
    return (
        f"the base scores {interval.estimate:.4g} ({interval.low:.4g} to {interval.high:.4g}) on {on}, which is not "
        f"significantly more than {2.0 * ability.margin:g} {better} the floor of {floor.value:.4g} ({floor.named})"
    )


def _own(records: Sequence[EvalRecord], metric: Metric) -> MaybeInterval:
    """Items without a score count as wrong."""
    return score_interval(records if metric.unit == "nats" else filled_in(records, metric, right=False), metric)
