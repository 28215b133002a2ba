"""When a search may stop, and which candidate is taken: every branch, on planted evidence."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from keeptune.mitigation import choose_candidate
from keeptune.mitigation.choose_candidate import Tried, enough, keeps, share_of_gain
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


def next_alpha(candidates: Sequence[DevEvidence], min_gain: float) -> str | None:
    found = choose_candidate.next_alpha(tried_of(candidates), min_gain)
    return None if found is None else str(found)


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


LOSES, SHORT = ("interpolation=0.75", 9.5, 4.0), ("interpolation=0.5", 8.0, 1.0)


@pytest.mark.parametrize(
    ("tried", "between"),
    [
        ([LOSES], None),
        ([LOSES, SHORT], "interpolation=0.625"),
        ([SHORT], "interpolation=0.75"),
        ([LOSES, SHORT, ("interpolation=0.625", 9.2, 3.0)], "interpolation=0.5625"),
        ([LOSES, SHORT, ("interpolation=0.625", 8.7, 1.0)], "interpolation=0.6875"),
        ([LOSES, SHORT, ("interpolation=0.625", 9.2, 3.0), ("interpolation=0.5625", 9.1, 2.6)], None),
        ([LOSES, ("interpolation=0.5", 8.0, 4.0)], None),
        ([LOSES, ("interpolation=0.5", 8.0, 4.0), ("interpolation=0.25", 5.0, 1.0)], None),
        ([LOSES, SHORT, ("lora", 12.0, 9.0)], None),
        ([LOSES, SHORT, ("lora", 12.0, 9.0), ("lora+interpolation=0.5", 8.0, 1.0)], "lora+interpolation=0.75"),
        ([("route", 10.0, 0.0), SHORT], "interpolation=0.75"),
    ],
)
def test_between_a_interpolation_that_gains_and_one_that_keeps(
    tried: list[tuple[str, float, float]], between: str | None
) -> None:
    candidates = [candidate(name, gain, drop, routed=name == "route") for name, gain, drop in tried]
    assert next_alpha([candidate("plain", 10.0, 9.0), *candidates], 0.9) == between


@pytest.mark.parametrize(
    ("tried", "asked"),
    [
        ([("replay=0.05", 10.0, 2.4)], "replay=0.05+interpolation=0.75"),
        ([("replay=0.05", 10.0, 1.2)], None),
        ([("replay=0.05", 10.0, 2.4), ("replay=0.05+interpolation=0.75", 9.5, 1.3)], "replay=0.05+interpolation=0.5"),
        ([("replay=0.05", 10.0, 2.4), ("replay=0.05+interpolation=0.75", 9.5, 1.2)], None),
        ([("replay=0.05", 10.0, 2.4), ("replay=0.05+interpolation=0.75", 8.5, 1.3)], None),
        ([LOSES, SHORT, ("interpolation=0.625", 9.2, 2.0)], None),
        (
            [
                ("replay=0.05", 10.0, 6.0),
                ("replay=0.05+interpolation=0.75", 9.8, 2.4),
                ("replay=0.05+interpolation=0.5", 9.3, 1.3),
                ("replay=0.05+interpolation=0.25", 8.0, 1.5),
            ],
            None,
        ),
        ([("interpolation=0.25", 9.2, 2.0)], None),
        ([("route", 10.0, 0.0)], None),
    ],
)
def test_little_room_is_made_larger(tried: list[tuple[str, float, float]], asked: str | None) -> None:
    candidates = [candidate(name, gain, drop, routed=name == "route") for name, gain, drop in tried]
    assert next_alpha([candidate("plain", 10.0, 9.0), *candidates], 0.9) == asked


def test_a_plain_training_with_little_room_is_interpolated() -> None:
    assert next_alpha([candidate("plain", 10.0, 2.0)], 0.9) == "interpolation=0.75"
    assert next_alpha([candidate("plain", 10.0, 1.0)], 0.9) is None


def test_of_interpolations_that_are_enough_the_one_with_the_most_room() -> None:
    plain, first = candidate("plain", 10.0, 9.0), candidate("replay=0.05", 10.0, 2.4)
    interpolated, short = (
        candidate("replay=0.05+interpolation=0.75", 9.5, 1.5),
        candidate("replay=0.05+interpolation=0.5", 8.0, 0.5),
    )
    choice = choose([plain, first, interpolated, short, candidate("kl=0.5", 12.0, 0.0)], 0.9)
    assert choice[:2] == (interpolated, True)
    assert "the most room after replay=0.05, the first, on which" in choice[2]
    assert "95 % of the plain training's gain" in choice[2]
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
    assert "95 % of the plain training's gain" in choice[2]


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
    assert "70 % of the plain training's gain" in choice[2]
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
