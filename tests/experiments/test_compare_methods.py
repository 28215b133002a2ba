"""Who dominates whom, and whose gain is matched, against planted truths."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from keeptune.experiments.compare_methods import (
    Forgetting,
    difference,
    dominates,
    forgetting_of,
    matched,
    pairs_of,
    sure_level,
)
from keeptune.experiments.trial_scores import Measured
from keeptune.records import Interval, Undefined
from keeptune.scoring.table import get_metric
from keeptune.statistics.jackknife import LeftOut
from keeptune.statistics.seeded import seeded
from tests.experiments.planted_methods import measured, task


def forgetting(*abilities: object) -> Forgetting:
    found = forgetting_of(abilities)  # type: ignore[arg-type]
    assert isinstance(found, Forgetting)
    return found


GAINS = {"full": 20.0, "lora": 20.0, "gentle": 12.0, "bad": 10.0}
DROPS = {"full": 14.0, "lora": 3.0, "gentle": 0.0, "bad": 18.0}


def test_only_what_is_surely_worse_in_both_is_dominated() -> None:
    gain, lost = task(GAINS), forgetting(measured("ner", DROPS))
    found = {(a, b) for a, b in permutations(GAINS, 2) if dominates(a, b, gain, lost)}
    # Of full and lora the gain is the same to within the noise: neither is surely no less.
    # Full forgets four points less than bad, which these three seeds do not show over six pairs at once.
    assert found == {("lora", "bad"), ("gentle", "bad")}


def test_false_domination_is_rare() -> None:
    wrong = 0
    for draw in range(1, 201):
        gain = task({"a": 10.0, "b": 10.0}, draw=draw)
        lost = forgetting(measured("ner", {"a": 5.0, "b": 5.0}, draw=draw))
        wrong += dominates("a", "b", gain, lost) or dominates("b", "a", gain, lost)
    assert wrong <= 10


@pytest.mark.parametrize("seeds", [1, 2])
def test_one_or_two_seeds_say_nothing_sure_of_a_method(seeds: int) -> None:
    gain = task({"a": 40.0, "b": 1.0}, seeds=seeds)
    lost = forgetting(measured("ner", {"a": 0.0, "b": 40.0}, seeds=seeds))
    assert not dominates("a", "b", gain, lost)
    assert not any(lost.surely_more("b", "a", 0.95))


def test_many_methods_do_not_make_a_false_word_likely() -> None:
    """Six that forget alike: the seeds alone make one look worse."""
    alike = dict.fromkeys("abcdef", 5.0)
    wrong = 0
    for draw in range(1, 101):
        lost = forgetting(measured("ner", alike, by_seed=2.0, draw=draw))
        wrong += any(lost.surely_more(one, other, sure_level(len(alike)))[1] for one, other in permutations(alike, 2))
    assert wrong <= 7


def test_more_noise_than_difference_dominates_nothing() -> None:
    gain = task({"a": 12.0, "b": 10.0}, by_seed=10.0, draw=1)
    lost = forgetting(measured("ner", {"a": 3.0, "b": 5.0}, by_seed=10.0, draw=1))
    assert not dominates("a", "b", gain, lost)


def test_the_worst_ability_is_not_sure_so_all_are_asked() -> None:
    gain = task({"a": 15.0, "b": 10.0})
    first = measured("facts", {"a": 0.0, "b": 30.0})
    lost = forgetting(first, measured("ner", {"a": 29.0, "b": 2.0}))
    assert lost.of("a")[0] == "ner"
    assert lost.of("b")[0] == "facts"
    assert not dominates("a", "b", gain, lost)
    assert dominates("a", "b", gain, forgetting(first, measured("ner", {"a": 1.0, "b": 2.0})))


def test_too_few_items_are_no_verdict() -> None:
    gain = task({"a": 40.0, "b": 1.0}, items=20)
    lost = forgetting(measured("ner", {"a": 0.0, "b": 40.0}, items=5))
    assert not dominates("a", "b", gain, lost)


def test_forgetting_is_the_declared_worst_or_the_mean_of_all() -> None:
    loss = measured("text", {"a": 0.1}, metric="token_loss")
    facts, ner = measured("facts", {"a": 4.0}), measured("ner", {"a": 8.0})
    assert forgetting(facts, ner, loss).words == "the worst declared ability"
    assert forgetting(facts, ner, loss).of("a")[0] == "ner"
    assert forgetting(loss).metric == "token_loss"
    free = [measured(name, {"a": drop}, declared=False) for name, drop in (("facts", 4.0), ("ner", 8.0))]
    mean = forgetting(*free)
    assert mean.words == "the mean of 2 abilities"
    name, drop = mean.of("a")
    assert (name, drop.mean) == ("", pytest.approx(6.0))
    assert forgetting(*free, facts).of("a")[0] == "facts"
    assert isinstance(forgetting_of([]), Undefined)


def test_gains_are_matched_within_a_tenth_or_the_interval() -> None:
    gains = {"a": 20.0, "b": 19.0, "c": 17.0}
    wide = matched(task(gains))
    # Half the best one's interval is more than 2 points here, so a tenth of its gain decides.
    assert (wide.best, wide.methods, wide.reach) == ("a", ("a", "b"), pytest.approx(2.0))
    sure = measured("the task", gains, items=20_000)
    narrow = matched(sure)
    interval = sure.interval("a")
    assert isinstance(interval, Interval)
    assert narrow.reach == pytest.approx(20.0 - interval.low)
    assert narrow.methods == ("a",)


def test_nothing_is_matched_where_nothing_was_gained() -> None:
    found = matched(task({"a": -3.0, "b": -3.0}))
    assert (found.reach, found.methods) == (0.0, (found.best,))


def test_every_two_are_told_with_their_paired_differences() -> None:
    pairs = pairs_of(task(GAINS), forgetting(measured("ner", DROPS)))
    assert len(pairs) == 6
    first = pairs[0]
    assert (first.method, first.other) == ("full", "lora")
    assert isinstance(first.gain, Interval)
    assert isinstance(first.forgetting, Interval)
    assert first.forgetting.low <= 11.0 <= first.forgetting.high
    # Paired: the items' hardness, of 20 points, is in neither.
    assert first.forgetting.high - first.forgetting.low < 6.0
    assert isinstance(pairs_of(task(GAINS), Undefined("none"))[0].forgetting, Undefined)


def test_items_that_nothing_moved_make_nobody_better() -> None:
    """30 items that neither method changed hide a drop of ten points."""
    gain = task({"a": 9.0, "b": 5.0})
    still = {seed: LeftOut(0.0, np.zeros(30)) for seed in range(3)}
    change = {name: seeded(still, "ner") for name in ("a", "b")}
    own = {name: tuple(found.interval() for _ in range(3)) for name, found in change.items()}
    zero = dict.fromkeys(change, 50.0)
    lost = forgetting(Measured("ner", get_metric("exact_match"), True, 5.0, 50.0, zero, change, own))
    assert not dominates("a", "b", gain, lost)
    found = difference(change["a"], change["b"])
    assert isinstance(found, Interval)
    assert found.method.endswith("only 0 of 30 clusters differ: too few for a verdict")
