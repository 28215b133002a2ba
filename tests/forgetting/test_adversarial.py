"""None of the constructed pairs of answers is explained by a confident wrong word."""

import pytest
from adversarial import CASES
from planted import ability

from keeptune.forgetting.format import diagnose


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_true_thing_is_named_or_it_is_unclear(case):
    base, tuned = case.sides()
    it = ability(base, chance=100 / 3 if base[0].choices else None)
    alone = diagnose(it, base, tuned, {})
    assert alone.broke in case.allowed, alone.text
    foils = case.foils(base)
    if foils:
        found = diagnose(it, base, tuned, foils)
        assert found.broke in (case.with_foils or case.allowed), found.text


def test_there_are_enough_of_them():
    assert len({case.name for case in CASES}) == len(CASES) >= 60
