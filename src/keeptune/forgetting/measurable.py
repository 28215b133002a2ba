"""Whether the base can do a thing well enough that losing it could be seen."""

from __future__ import annotations

from collections import Counter
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
    it above chance. Where those have no interval, by the items of the verdict, and the reason says so. Of items with
    choices, who always gives the most frequent reference is a guesser, too: the better one of the two counts.
    """
    if ability.chance is None:
        return ""
    on, records, interval = "the development items", dev_base, score_interval(dev_base, metric)
    if isinstance(interval, Undefined) and base:
        on = "the items of the verdict (there are too few development items)"
        records, interval = base, score_interval(base, metric)
    if isinstance(interval, Undefined):
        return f"whether the base is above chance cannot be told: {interval.reason}"
    guessed, named = ability.chance, "chance"
    always, share = _most_frequent_reference(records)
    if metric.binary and share > guessed:
        guessed, named = share, f"the score of always answering {always!r}"
    above = interval.low - guessed if metric.higher_is_better else guessed - interval.high
    if above > 2.0 * ability.margin:
        return ""
    better = "above" if metric.higher_is_better else "below"
    return (
        f"the base is not surely more than {2.0 * ability.margin:g} {better} {named} ({guessed:.4g}) on {on}: "
        f"{interval.estimate:.4g} ({interval.low:.4g} to {interval.high:.4g})"
    )


def _most_frequent_reference(records: Sequence[EvalRecord]) -> tuple[str, float]:
    """It, and the share of the items that it is right for, in points; ("", 0) where an item has no choices."""
    if not records or not all(record.choices and record.references for record in records):
        return "", 0.0
    right_for = Counter(text for record in records for text in set(record.references))
    text, count = min(right_for.items(), key=lambda each: (-each[1], each[0]))
    return text, 100.0 * count / len(records)
