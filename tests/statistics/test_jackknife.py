"""The cluster jackknife against a slow explicit one, and against s/√n."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from keeptune.records import Undefined
from keeptune.statistics.jackknife import paired_jackknife, paired_ratio, score_jackknife, too_few


def mean(counts):
    return float(counts[0] / counts[1]) if counts[1] else Undefined("no items")


def f1(counts):
    tp, fp, fn = counts
    return float(2 * tp / (2 * tp + fp + fn)) if tp + fp + fn else Undefined("nothing to find")


def slow(before, after, statistic):
    """Leave each cluster out by rebuilding the sums from the others."""
    replicates = []
    for j in range(len(before)):
        keep = [i for i in range(len(before)) if i != j]
        replicates.append(statistic(sum(after[i] for i in keep)) - statistic(sum(before[i] for i in keep)))
    n = len(before)
    centre = sum(replicates) / n
    return ((n - 1) / n * sum((r - centre) ** 2 for r in replicates)) ** 0.5


def with_n(values):
    return np.array([[v, 1.0] for v in values])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), min_size=2, max_size=40))
def test_of_a_mean_the_error_is_that_of_the_paired_t_test(pairs):
    before, after = zip(*pairs, strict=True)
    result = paired_jackknife(with_n(before), with_n(after), mean)
    d = np.array(after) - np.array(before)
    assert result.estimate == pytest.approx(d.mean(), abs=1e-9)
    assert result.standard_error == pytest.approx(d.std(ddof=1) / len(d) ** 0.5, abs=1e-8)
    assert result.pseudo == pytest.approx(d, abs=1e-8)
    assert result.differing == int((d != 0).sum())


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 25), st.integers(0, 10_000))
def test_equals_the_slow_one_on_a_ratio(clusters, seed):
    rng = np.random.default_rng(seed)
    before, after = rng.integers(1, 6, (2, clusters, 3)).astype(float)
    result = paired_jackknife(before, after, f1)
    assert result.standard_error == pytest.approx(slow(before, after, f1), abs=1e-12)
    assert result.estimate == pytest.approx(f1(after.sum(0)) - f1(before.sum(0)))


def test_identical_scores_differ_by_exactly_nothing():
    counts = np.random.default_rng(1).random((50, 2)) + 0.1
    result = paired_jackknife(counts, counts.copy(), mean)
    assert (result.estimate, result.standard_error, result.differing) == (0, 0, 0)
    interval = result.interval()
    assert (interval.low, interval.high) == (0, 0)
    assert too_few(interval), "no flips prove nothing"
    assert isinstance(result.p_above(5), Undefined)


def test_too_few_clusters_or_differences_are_marked():
    rng = np.random.default_rng(2)
    values = rng.random((2, 40))
    enough = paired_jackknife(with_n(values[0]), with_n(values[1]), mean).interval()
    assert not too_few(enough)
    assert enough.method == "cluster jackknife, score test"
    few = paired_jackknife(with_n(values[0][:12]), with_n(values[1][:12]), mean).interval()
    assert few.method == "cluster jackknife, score test; only 12 clusters: too few for a verdict"
    after = values[0].copy()
    after[:9] += 1
    same = paired_jackknife(with_n(values[0]), with_n(after), mean).interval()
    assert same.method == "cluster jackknife, score test; only 9 of 40 clusters differ: too few for a verdict"
    assert too_few(few)
    assert too_few(same)


def test_what_cannot_be_computed_says_why():
    one = with_n([1.0])
    assert paired_jackknife(one, one, mean) == Undefined("1 cluster: an interval needs at least 2")
    empty = np.zeros((0, 2))
    assert isinstance(paired_jackknife(empty, empty, mean), Undefined)
    only_one_has_entities = np.array([[1.0, 0, 1], [0, 0, 0]])
    left_out = paired_jackknife(only_one_has_entities, only_one_has_entities, f1)
    assert left_out == Undefined("with one cluster left out: nothing to find")
    with pytest.raises(ValueError, match="shapes"):
        paired_jackknife(one, empty, mean)


def test_p_value_agrees_with_the_interval():
    rng = np.random.default_rng(5)
    result = paired_jackknife(with_n(rng.random(40)), with_n(rng.random(40) + 0.5), mean)
    assert result.p_above(result.interval().low) == pytest.approx(0.025)
    assert result.p_above(result.estimate) == pytest.approx(0.5)


def test_of_many_normal_values_it_is_nearly_the_t_interval():
    values = np.random.default_rng(6).normal(60, 20, 800)
    result = score_jackknife(with_n(values), mean)
    low, high = stats.t.interval(0.95, 799, loc=values.mean(), scale=stats.sem(values))
    assert result.interval().low == pytest.approx(low, abs=0.05)
    assert result.interval().high == pytest.approx(high, abs=0.05)
    assert isinstance(score_jackknife(with_n([1.0]), mean), Undefined)


def test_a_ratio_is_a_difference_for_each_share():
    base, tuned = np.random.default_rng(8).multivariate_normal([60, 50], [[400, 250], [250, 500]], 70).T
    at = paired_ratio(with_n(base), with_n(tuned), mean, np.ones(70), 20.0)
    values = 0.7 * (base - 20) - (tuned - 20)
    assert at(0.7).estimate == pytest.approx(values.mean())
    assert at(0.7).standard_error == pytest.approx(stats.sem(values))


def test_unequal_clusters_have_fewer_degrees_and_none_may_hold_half():
    rng = np.random.default_rng(9)
    sizes = np.array([30.0] + [1.0] * 30)
    before, after = rng.normal(60, 10, (2, 31))
    counts = [np.stack([sizes * values, sizes], axis=1) for values in (before, after)]
    result = paired_jackknife(counts[0], counts[1], mean, sizes)
    assert result.effective == pytest.approx(60**2 / (900 + 30))
    assert result.degrees == pytest.approx(result.effective - 1)
    assert result.caveat.startswith("31 clusters so unequal")
    assert too_few(result.interval())


def test_change_size_of_a_mean_is_the_size_of_the_changes():
    before = np.full(50, 100.0)
    after = before.copy()
    after[:12] = 0.0
    assert paired_jackknife(with_n(before), with_n(after), mean).change_size == pytest.approx(100)
    assert paired_jackknife(with_n(before), with_n(before), mean).change_size == 0


def test_covers_about_as_often_as_it_says_with_clusters():
    rng = np.random.default_rng(11)
    covered = 0
    for _ in range(200):
        size = rng.integers(1, 4, 40)
        shift = rng.normal(0, 1, 40)
        before = np.column_stack([size * rng.normal(0, 1, 40), size])
        after = before + np.column_stack([size * (0.3 + shift), np.zeros(40)])
        interval = paired_jackknife(before, after, mean).interval()
        covered += interval.low <= 0.3 <= interval.high
    assert 0.90 <= covered / 200 <= 0.99
