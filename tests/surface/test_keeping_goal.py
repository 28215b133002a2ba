"""The goal by which `benchmarks/keeping.py` judges a run beside the plain training."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from keeping_goal import gain_ratio, minutes, not_reached, sentence
from keeptune.records import Interval, Undefined

ITEMS = 200


def record(*, gain: float = 30.0, noise: int = 0, abilities: tuple[dict[str, Any], ...] = (), **changes: Any) -> Any:
    """A run that gains `gain` points, give or take, on 200 items."""
    base = np.random.default_rng(7).uniform(0, 40, ITEMS)
    tuned = base + gain + np.random.default_rng(noise).normal(0, 3, ITEMS)
    items = {"base": base.tolist(), "tuned": tuned.tolist(), "cluster": list(range(ITEMS))}
    made = {
        "items": items,
        "task": {"higher_is_better": True},
        "abilities": list(abilities),
        "training": {"seconds": 600.0, "peak_bytes": 1000},
        "seconds": {"load": 10.0, "train": 600.0, "evaluate_base": 500.0},
        "measuring_seconds": {},
        "search": None,
        "device": "cpu",
        "peak_memory_bytes": 900,
    }
    return made | changes


def ability(verdict: str, drop: float, declared: bool = True) -> dict[str, Any]:
    found = {"estimate": drop, "low": drop - 3, "high": drop + 3}
    return {"name": "ner", "verdict": verdict, "drop": found, "margin": 5.0, "declared": declared}


@pytest.mark.parametrize(
    ("one", "reached"),
    [
        (ability("kept", 1.0), True),
        (ability("kept", 2.6), True),
        (ability("inconclusive", 2.4), True),
        (ability("inconclusive", 2.5), False),
        (ability("not measurable", 1.0), True),
        (ability("not measurable", 4.0), False),
        (ability("lost", 12.0), False),
        (ability("collapsed", 1.0), False),
        (ability("inconclusive", 4.0, declared=False), True),
        (ability("lost", 12.0, declared=False), False),
        ({**ability("inconclusive", 0.0), "drop": {"reason": "too few items"}}, False),
    ],
)
def test_what_is_kept(one: dict[str, Any], reached: bool) -> None:
    assert (not not_reached(record(abilities=(one,), noise=1), record())) is reached


def test_the_whole_interval_of_the_gain_counts() -> None:
    ratio = gain_ratio(record(gain=29.0, noise=1), record())
    assert isinstance(ratio, Interval)
    assert ratio.low < 29 / 30 < ratio.high
    # A share of 0.99 is surely above 0.95; one of 0.953 is not.
    assert not not_reached(record(gain=29.8, noise=1), record())
    assert "gain" in not_reached(record(gain=28.6, noise=1), record())[0]


def test_other_items_cannot_be_compared() -> None:
    other = record()
    other["items"] = {**other["items"], "cluster": [0] * ITEMS}
    assert isinstance(gain_ratio(other, record()), Undefined)
    assert not_reached(other, record())


def test_clusters_widen_the_interval() -> None:
    clustered = {"cluster": [number // 4 for number in range(ITEMS)]}
    pair = [record(noise=noise) for noise in (0, 1)]
    for one in pair:
        one["items"] = {**one["items"], **clustered}
        for who in ("base", "tuned"):
            one["items"][who] = np.repeat(one["items"][who][::4], 4).tolist()
    alone = gain_ratio(record(noise=1), record())
    together = gain_ratio(pair[1], pair[0])
    assert isinstance(alone, Interval)
    assert isinstance(together, Interval)
    assert together.high - together.low > 1.5 * (alone.high - alone.low)


def test_all_that_makes_the_weights_takes_time_and_the_measuring_does_not() -> None:
    assert minutes(record(seconds={"load": 30.0, "train": 599.0, "alpha": 90.0, "evaluate_base": 1e5})) == 12.0
    # The base's text is written while the run loads.
    assert minutes(record(seconds={"load": 30.0, "added_rows": 20.0, "alpha": 90.0})) == 12.0
    assert minutes(record(search={"seconds": 6000.0})) == 100.0
    slow = record(seconds={"load": 100.0, "alpha": 80.0})
    assert "time" in not_reached(slow, record())[0]
    assert not not_reached(record(seconds={"load": 100.0}), record())


def test_memory() -> None:
    assert "memory" in not_reached(record(training={"seconds": 600.0, "peak_bytes": 1310}), record())[0]
    assert not not_reached(record(training={"seconds": 600.0, "peak_bytes": 1290}), record())


def test_the_sentence_counts_and_says_where_not() -> None:
    told = sentence({"a": [], "b": ["ner lost"]})
    assert "1 of 2" in told
    assert "b (ner lost)" in told
    assert "not reached in" not in sentence({"a": []})
