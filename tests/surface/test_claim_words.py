"""The rule by which `benchmarks/claims.py` judges that a claim holds, does not hold, or is undecided."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from claim_words import between_methods, opposite, together, word


@pytest.mark.parametrize(
    ("low", "high", "equal", "told"),
    [
        (0.1, 3.0, 1.0, "holds"),
        (-3.0, -0.1, 1.0, "does not hold"),
        (-0.9, 0.8, 1.0, "does not hold"),  # equal by the margin
        (-2.9, 1.1, 1.0, "undecided"),  # nothing is shown, so nothing is denied
        (-7.8, 3.5, 5.0, "undecided"),  # one side within the margin is no equality
        (-0.5, 0.5, 0.0, "undecided"),
    ],
)
def test_one_rule(low: float, high: float, equal: float, told: str) -> None:
    assert word(low, high, equal) == told


def test_several_things_at_once() -> None:
    assert together(["holds", "holds"]) == "holds"
    assert together(["holds", "undecided"]) == "undecided"
    assert together(["undecided", "does not hold"]) == "does not hold"
    assert opposite("undecided") == "undecided"
    assert opposite("holds") == "does not hold"


def test_methods_need_three_trainings_each() -> None:
    assert between_methods([1.0, 2.0], [5.0, 6.0, 7.0], 0.1) is None
    found = between_methods([20.0, 21.0, 22.0], [5.0, 6.0, 7.0], 0.1)
    assert found is not None
    assert found[0] == pytest.approx(15.0)
    assert 0.0 < found[1] < 15.0 < found[2]


def test_trainings_that_differ_widely_show_nothing() -> None:
    found = between_methods([24.8, 25.6, 25.3, 23.1, 30.8], [25.5, 29.3, 29.5], 1.46)
    assert found is not None
    assert word(found[1], found[2], 5.0) == "undecided"
