"""Advice on a setting of one number, against planted truths."""

from __future__ import annotations

import pytest

from keeptune.experiments.compare_advice import advise, families
from keeptune.experiments.compare_methods import Forgetting, forgetting_of
from tests.experiments.planted_methods import measured, task

REPLAY = ("full", "full+replay=0.01", "full+replay=0.05", "full+replay=0.25")


def advice(drops: dict[str, float], gains: dict[str, float] | None = None, **settings: object) -> tuple[str, ...]:
    gain = task(gains or dict.fromkeys(drops, 20.0), **settings)
    lost = forgetting_of([measured("ner", drops, **settings)])  # type: ignore[arg-type]
    assert isinstance(lost, Forgetting)
    return advise(gain, lost)


def test_the_gentlest_that_helped_is_advised() -> None:
    (told,) = advice(dict(zip(REPLAY, (14.0, 13.9, 1.2, 1.2), strict=True)))
    assert told.startswith("replay on full = 5 %: ner changed by −1.2 [")
    assert "instead of −14.0 [" in told
    assert "with full, and the gain differs by at most " in told
    assert told.endswith("A stronger setting (25 %) did not help significantly more.")


def test_a_stronger_one_that_surely_helps_more_is_advised() -> None:
    (told,) = advice(dict(zip(REPLAY, (14.0, 10.0, 6.0, 1.0), strict=True)))
    assert told.startswith("replay on full = 25 %")
    assert "stronger" not in told


def test_a_price_in_gain_is_told() -> None:
    gains = dict(zip(REPLAY, (20.0, 20.0, 12.0, 12.0), strict=True))
    (told,) = advice(dict(zip(REPLAY, (14.0, 14.0, 2.0, 2.0), strict=True)), gains)
    assert "the gain changed by −8.0 [" in told


def test_what_cannot_be_told_apart_is_said() -> None:
    (told,) = advice(dict(zip(REPLAY, (5.0, 5.0, 5.0, 5.0), strict=True)))
    assert "cannot be distinguished with these seeds and items" in told
    assert "1 %: −5.0 [" in told
    (told,) = advice(dict(zip(REPLAY, (9.0, 8.0, 5.0, 5.0), strict=True)), by_seed=20.0, draw=2)
    assert "cannot be distinguished" in told


def test_advice_is_seldom_wrong() -> None:
    drops = dict.fromkeys(REPLAY[:2], 5.0)
    wrong = sum("instead of" in advice(drops, draw=draw)[0] for draw in range(1, 201))
    assert wrong <= 12


def test_nor_where_many_abilities_are_declared() -> None:
    """The one that dropped most by the reference is partly chosen by luck."""
    drops, names = dict.fromkeys(REPLAY, 5.0), [f"ability {number}" for number in range(12)]
    wrong = 0
    for draw in range(1, 201):
        lost = forgetting_of([measured(name, drops, by_seed=3.0, draw=draw) for name in names])
        assert isinstance(lost, Forgetting)
        wrong += "instead of" in advise(task(drops, draw=draw), lost)[0]
    assert wrong <= 12


@pytest.mark.parametrize("seeds", [1, 2])
def test_one_or_two_seeds_advise_nothing(seeds: int) -> None:
    (told,) = advice(dict(zip(REPLAY, (40.0, 30.0, 1.2, 1.2), strict=True)), seeds=seeds)
    assert "cannot be distinguished" in told


def test_a_interpolation_is_stronger_the_lower_it_is() -> None:
    (told,) = advice({"lora+interpolation=0.25": 1.0, "lora+interpolation=0.75": 9.0, "lora+interpolation=0.5": 4.0})
    assert told.startswith("interpolation on lora = 0.25: ner changed by −1.0 [")
    assert "with lora+interpolation=0.75" in told


def test_families_differ_in_one_number_alone() -> None:
    found = list(families(["full", "lora", "full+replay", "full+replay=0.25+kl=0.1", "lora+kl=0.1", "lora+kl=1"]))
    assert [(f.setting, f.without, f.reference, [v for v, _ in f.settings]) for f in found] == [
        ("replay", "full", "full", [0.05]),
        ("kl", "lora", "lora", [0.1, 1.0]),
    ]
    assert list(families(["full", "lora", "full+token-weights=stm"])) == []
    alone = list(families(["kl=0.1", "kl=1"]))
    assert [(f.without, f.reference) for f in alone] == [("", "kl=0.1")]
