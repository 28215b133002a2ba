"""When a search may stop, and which candidate is taken: every branch, on planted evidence."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from keeptune.mitigation import choose_candidate
from keeptune.mitigation.alpha_curve import NEARLY_ALL, AlphaCurve
from keeptune.mitigation.choose_candidate import Tried, can_be_smaller, enough, keeps, last_resort, share_of_gain
from keeptune.mitigation.spec import parse
from keeptune.records import DevDrop, DevEvidence, Undefined

MARGIN = 5.0


def tried_of(candidates: Sequence[DevEvidence]) -> list[Tried]:
    return [Tried(parse(each.candidate), each) for each in candidates]


def choose(candidates: Sequence[DevEvidence], min_gain: float) -> tuple[DevEvidence, bool, str]:
    """The evidence of the choice, whether it is enough, and why."""
    choice = choose_candidate.choose(tried_of(candidates), min_gain)
    assert str(choice.tried.candidate) == choice.tried.evidence.candidate
    return choice.tried.evidence, choice.enough, choice.reason


CURVE = AlphaCurve(2.0, {1.0: 1.0, 0.75: 1.015, 0.5: 1.08, 0.25: 1.4})
"""Keeps 99.5 % of the fall in loss at α = 0.87, and 90 % at 0.47."""


def next_alpha(candidates: Sequence[DevEvidence], min_gain: float) -> str | None:
    tried = tried_of(candidates)
    found = can_be_smaller(tried, min_gain) and choose_candidate.next_alpha(tried, min_gain, CURVE)
    return str(found) if found else None


def candidate(name: str, gain: float, *drops: float, routed: bool = False, margin: float = MARGIN) -> DevEvidence:
    """One candidate of a base that scores 40, with a drop in points of each kept ability."""
    fallen = tuple(
        DevDrop(f"ability-{n}", "rouge1", 100, margin, 80.0, 80.0 - drop, drop, Undefined("planted"))
        for n, drop in enumerate(drops)
    )
    return DevEvidence(name, "a training", "rouge1", 100, 40.0, 40.0 + gain, gain, fallen, routed)


@pytest.mark.parametrize(
    ("drops", "kept"),
    [((), True), ((-9.0,), True), ((2.5,), True), ((2.6,), False), ((0.0, 2.6), False), ((2.5, 2.5), True)],
)
def test_kept_is_half_the_margin_at_most(drops: tuple[float, ...], kept: bool) -> None:
    assert keeps(candidate("plain", 10.0, *drops)) is kept


def test_a_routed_candidate_loses_nothing() -> None:
    assert keeps(candidate("route", 10.0, 50.0, routed=True))


@pytest.mark.parametrize(
    ("gain", "plain", "share"), [(9.0, 10.0, 0.9), (-5.0, 10.0, -0.5), (1.0, 0.0, 1.0), (-8.0, -2.0, 1.0)]
)
def test_the_share_of_the_plain_gain(gain: float, plain: float, share: float) -> None:
    assert share_of_gain(candidate("kl", gain), candidate("plain", plain)) == pytest.approx(share)


@pytest.mark.parametrize(("gain", "drop", "stops"), [(9.0, 2.5, True), (8.9, 2.5, False), (9.0, 2.6, False)])
def test_enough_needs_both(gain: float, drop: float, stops: bool) -> None:
    assert enough(candidate("kl", gain, drop), candidate("plain", 10.0, 9.0), 0.9) is stops


HELD, INTERPOLATED = "kl=3", "kl=3+interpolation="


def test_nearly_all_is_of_the_largest_fall_where_the_training_went_too_far() -> None:
    beyond = AlphaCurve(2.0, {1.0: 1.1, 0.75: 1.0, 0.5: 1.08})
    assert beyond.share(0.75) > 1
    assert beyond.least(NEARLY_ALL) < 0.5, "of the fall at α = 1"
    assert 0.65 < beyond.least_nearly_all < 0.75


@pytest.mark.parametrize(
    ("drop", "alpha"), [(-3.0, None), (1.2, None), (1.5, "0.87"), (4.0, "0.56"), (9.0, "0.47"), (25.0, None)]
)
def test_alpha_is_where_the_loss_is_flat_or_the_drop_leaves_room(drop: float, alpha: str | None) -> None:
    """None where there is room already, or no α that gains enough is forecast to keep."""
    assert next_alpha([candidate(HELD, 10.0, drop)], 0.9) == (alpha and INTERPOLATED + alpha)


@pytest.mark.parametrize(
    ("tried", "alpha"),
    [
        ([(1.0, 10.0, 4.0), (0.56, 9.5, 1.0)], None),
        ([(1.0, 10.0, 4.0), (0.56, 9.5, 2.0)], None),
        ([(1.0, 10.0, 4.0), (0.75, 9.8, 2.4)], "0.54"),
        ([(1.0, 10.0, 4.0), (0.56, 8.8, 1.0)], "0.71"),
        ([(1.0, 10.0, 4.0), (0.56, 8.8, 1.0), (0.71, 9.2, 3.0)], "0.65"),
        ([(1.0, 10.0, 4.0), (0.56, 8.8, 1.0), (0.71, 9.2, 3.0), (0.65, 9.1, 2.9)], None),
        ([(1.0, 10.0, 9.0), (0.47, 8.0, 1.0)], None),
        ([(1.0, 10.0, 9.0), (0.47, 8.0, 4.0)], None),
    ],
    ids=["room", "near", "little-room", "short", "between", "enough-evaluated", "nothing-between", "loses"],
)
def test_what_was_evaluated_decides_the_next_alpha(tried: list[tuple[float, float, float]], alpha: str | None) -> None:
    found = [candidate(HELD if a == 1 else f"{INTERPOLATED}{a}", gain, drop) for a, gain, drop in tried]
    assert next_alpha(found, 0.9) == (alpha and INTERPOLATED + alpha)


def test_only_a_training_that_gains_enough_is_interpolated() -> None:
    first = candidate(HELD, 10.0, 9.0)
    assert next_alpha([first, candidate("lora+kl=3", 12.0, 4.0)], 0.9) == "lora+kl=3+interpolation=0.56"
    assert next_alpha([first, candidate("lora+kl=3", 8.0, 4.0)], 0.9) is None


@pytest.mark.parametrize(
    ("tried", "rest"),
    [
        ([(HELD, 10.0, 9.0), ("lora+kl=3", 12.0, 12.0)], "kl=3+interpolation=0.37"),
        ([("plain", 10.0, 25.0)], "interpolation=0.25"),
        ([(HELD, 10.0, 9.0), ("kl=3+interpolation=0.25", 5.0, 4.0)], None),
        ([(HELD, 10.0, 9.0), ("kl=3+interpolation=0.5", 8.0, 2.0)], None),
        ([(HELD, 10.0, 9.0), ("kl=3+interpolation=0.8", 8.0, 9.5)], "kl=3+interpolation=0.29"),
    ],
)
def test_where_nothing_keeps_the_alpha_that_is_forecast_to(
    tried: list[tuple[str, float, float]], rest: str | None
) -> None:
    found = last_resort(tried_of([candidate(*one) for one in tried]))
    assert (found and str(found)) == rest


def test_of_interpolations_that_are_enough_the_one_with_the_most_room() -> None:
    plain, first = candidate("plain", 10.0, 9.0), candidate("replay=0.05", 10.0, 2.4)
    interpolated, short = (
        candidate("replay=0.05+interpolation=0.75", 9.5, 1.5),
        candidate("replay=0.05+interpolation=0.5", 8.0, 0.5),
    )
    choice = choose([plain, first, interpolated, short, candidate("kl=0.5", 12.0, 0.0)], 0.9)
    assert choice[:2] == (interpolated, True)
    assert "the most room after replay=0.05, the first, on which" in choice[2]
    assert "95 % of the first training's gain" in choice[2]
    scant = candidate("replay=0.05+interpolation=0.5", 9.02, 0.5)
    assert choose([plain, first, interpolated, scant], 0.9)[0] == interpolated, (
        "no more room for the gain than for the drop"
    )
    roomy = candidate("replay=0.05", 10.0, 1.2)
    assert choose([plain, roomy, interpolated], 0.9)[0] == roomy


def test_the_plain_training_where_it_keeps_all() -> None:
    plain = candidate("plain", 10.0, 1.0)
    choice = choose([plain, candidate("interpolation=0.5", 11.0, 0.0)], 0.9)
    assert choice[:2] == (plain, True)
    assert "no mitigation is needed" in choice[2]


def test_the_first_that_is_enough_not_the_best() -> None:
    first = candidate("replay=0.05", 9.5, 2.0)
    choice = choose(
        [
            candidate("plain", 10.0, 9.0),
            candidate("interpolation=0.5", 5.0, 0.0),
            first,
            candidate("kl=0.5", 12.0, 0.0),
        ],
        0.9,
    )
    assert choice[:2] == (first, True)
    assert "95 % of the first training's gain" in choice[2]


def test_a_route_that_is_there() -> None:
    routed = candidate("route", 10.0, 9.0, routed=True)
    choice = choose([candidate("plain", 10.0, 9.0), routed], 0.9)
    assert choice[:2] == (routed, True)
    assert "nothing can be lost" in choice[2]


def test_the_best_gain_among_those_that_keep_all() -> None:
    best = candidate("interpolation=0.5", 7.0, 2.0)
    choice = choose(
        [candidate("plain", 10.0, 9.0), best, candidate("interpolation=0.25", 4.0, 0.0), candidate("kl=0.5", 8.0, 3.0)],
        0.9,
    )
    assert choice[:2] == (best, False)
    assert "70 % of the first training's gain" in choice[2]
    assert "less than the 90 % asked for" in choice[2]


def test_of_equal_gains_the_cheaper_candidate() -> None:
    cheap = candidate("interpolation=0.5", 7.0, 2.0)
    assert choose([candidate("plain", 10.0, 9.0), cheap, candidate("kl=0.5", 7.0, 0.0)], 0.9)[0] == cheap


def test_the_least_loss_where_none_keeps_all() -> None:
    least = candidate("interpolation=0.25", 2.0, 1.0, 4.0)
    choice = choose([candidate("plain", 10.0, 9.0, 0.0), candidate("interpolation=0.5", 5.0, 0.0, 6.0), least], 0.9)
    assert choice[:2] == (least, False)
    assert choice[2].endswith("ability-1 by 4, with a margin of 5, on development items")


def test_losses_are_weighed_by_their_margins() -> None:
    fell_little = DevDrop("prose", "token_loss", 100, 0.05, 2.0, 2.04, 0.04, Undefined("planted"))
    fell_much = DevDrop("facts", "rouge1", 100, 20.0, 80.0, 68.0, 12.0, Undefined("planted"))
    one = DevEvidence("kl=0.5", "", "rouge1", 100, 40.0, 45.0, 5.0, (fell_little,))
    other = DevEvidence("replay=0.05", "", "rouge1", 100, 40.0, 45.0, 5.0, (fell_much,))
    assert choose([one, other], 0.9)[0] == other
    told = choose([one], 0.9)[2]
    assert "prose by 0.04, with a margin of 0.05" in told, "a loss rises where it gets worse, and by fractions"


def test_a_metric_that_is_better_lower_is_told_by_its_gain() -> None:
    """`gain` is positive where a loss has fallen, so that the score itself is never compared."""
    plain = DevEvidence("plain", "", "token_loss", 100, 3.0, 1.0, 2.0, candidate("", 0.0, 9.0).drops)
    milder = DevEvidence("interpolation=0.5", "", "token_loss", 100, 3.0, 1.1, 1.9, candidate("", 0.0, 1.0).drops)
    weak = DevEvidence("interpolation=0.25", "", "token_loss", 100, 3.0, 2.5, 0.5, candidate("", 0.0, 0.0).drops)
    assert choose([plain, weak, milder], 0.9)[0] == milder
    assert choose([plain, weak], 0.9)[0] == weak
