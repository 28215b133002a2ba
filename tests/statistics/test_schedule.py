"""The learning rate rises in a line and falls in half a cosine."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeptune.training.schedule import cosine_with_warmup

SHARE = st.floats(0, 1)


@pytest.mark.parametrize(
    ("progress", "warmup", "expected"),
    [
        (0, 0.1, 0),
        (0.05, 0.1, 0.5),
        (0.1, 0.1, 1),
        (0.55, 0.1, 0.5),
        (1, 0.1, 0),
        (0, 0, 1),
        (0.5, 0, 0.5),
        (0.25, 0, (1 + math.sqrt(0.5)) / 2),
        (1, 1, 0),
        (0.5, 1, 0.5),
    ],
)
def test_by_hand(progress: float, warmup: float, expected: float) -> None:
    assert cosine_with_warmup(progress, warmup) == pytest.approx(expected, abs=1e-12)


@given(progress=SHARE, warmup=SHARE, floor=st.floats(0, 0.9))
def test_between_zero_and_the_peak(progress: float, warmup: float, floor: float) -> None:
    factor = cosine_with_warmup(progress, warmup, floor)
    assert 0 <= factor <= 1 + 1e-12
    if progress >= warmup:
        assert factor >= floor - 1e-12


@given(one=SHARE, other=SHARE, warmup=st.floats(0, 0.9))
def test_up_then_down(one: float, other: float, warmup: float) -> None:
    early, late = sorted((one, other))
    first, second = cosine_with_warmup(early, warmup), cosine_with_warmup(late, warmup)
    if late < warmup:
        assert first <= second
    if early >= warmup:
        assert first >= second - 1e-12


def test_it_ends_at_the_floor() -> None:
    assert cosine_with_warmup(1, 0.1, 0.2) == pytest.approx(0.2)
    assert cosine_with_warmup(1.5, 0.1, 0.2) == pytest.approx(0.2)
