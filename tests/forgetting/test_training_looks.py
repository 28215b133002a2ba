"""The error of several looks at one training."""

from __future__ import annotations

import pytest

from keeptune.forgetting.training_looks import look_errors
from keeptune.statistics.planning import ALPHA


def test_one_look_is_as_strict_as_a_measurement() -> None:
    assert look_errors(0).last == ALPHA


@pytest.mark.parametrize("early", [1, 4, 50])
def test_all_looks_together_have_the_error_of_one(early: int) -> None:
    errors = look_errors(early)
    assert early * errors.early + errors.last == pytest.approx(ALPHA)
    assert errors.early < errors.last
