"""The sentences that say what changed, and how certain that is."""

from __future__ import annotations

from dataclasses import replace

from keeptune.forgetting.amounts import amount
from keeptune.records import DevDrop, DevEvidence, Undefined
from keeptune.report.phrases import best_rival, candidate_line, change, headline, score, verdict
from keeptune.statistics.jackknife import TOO_FEW
from tests.report.results import GAIN, LOSS, OVER_FEW_SHOT, comparison, interval


def test_a_gain() -> None:
    assert headline(GAIN) == (
        "rouge1 rose from 23.5 to 39.1 on 300 unseen items: +15.6 points (95 % interval +14.0 to +17.2)."
    )


def test_items_are_unseen_only_where_that_was_looked_up() -> None:
    assert "on 300 items: " in headline(replace(GAIN, trained_on=None))
    told = headline(replace(GAIN, trained_on=14))
    assert "on 300 items, 14 of which were trained on" in told
    assert "unseen" not in told


def test_zero_has_no_minus() -> None:
    assert [change("rouge1", value) for value in (-0.0, -0.04, 0.04, -0.05)] == ["+0.0", "+0.0", "+0.0", "−0.1"]
    assert [score("token_loss", value) for value in (-0.0001, 0.0004)] == ["0.000", "0.000"]
    assert amount(-0.04, "rouge1", 5.0) == "0.0"


def test_a_drop_has_a_minus_sign() -> None:
    told = headline(comparison(40.0, 30.0, interval(-10.0, -12.0, -8.0)))
    assert told.startswith("rouge1 fell from 40.0 to 30.0")
    assert "−10.0 points (95 % interval −12.0 to −8.0)" in told


def test_a_loss_is_in_nats_and_better_when_lower() -> None:
    told = headline(LOSS)
    assert "token_loss fell from 2.500 to 1.750" in told
    assert "+0.750 nats per token" in told
    assert told.endswith("a change below 0 is worse.")


def test_a_loss_that_rose_is_worse_than_the_best_without_tuning() -> None:
    worse = replace(LOSS, before=1.75, after=2.5, difference=interval(0.75, 0.5, 1.0))
    assert headline(worse).startswith("token_loss rose from 1.750 to 2.500")
    assert "−0.750 nats per token (95 % interval −1.000 to −0.500)" in headline(worse)
    assert verdict(worse).startswith("Tuning is worse")
    assert verdict(LOSS).startswith("Tuning beats")


def test_an_interval_with_zero_shows_no_difference() -> None:
    told = headline(comparison(23.5, 24.0, interval(0.5, -1.0, 2.0)))
    assert told.startswith("rouge1 went from 23.5 to 24.0")
    assert told.endswith("so no difference was shown.")


def test_too_few_clusters_are_no_verdict() -> None:
    few = interval(15.6, 14.0, 17.2, f"jackknife; only 8 clusters: {TOO_FEW}")
    told = headline(comparison(23.5, 39.1, few))
    assert "went from" in told
    assert told.endswith(f"; only 8 clusters: {TOO_FEW}.")


def test_no_interval_has_its_reason() -> None:
    told = headline(comparison(23.5, 39.1, Undefined("1 cluster")))
    assert told.endswith("no interval: 1 cluster.")


def test_the_best_rival_is_of_the_same_metric() -> None:
    assert best_rival((GAIN, LOSS, OVER_FEW_SHOT)) is OVER_FEW_SHOT
    weak = comparison(10.0, 39.1, interval(29.1, 28.0, 30.0), before_name="lead-1")
    assert best_rival((GAIN, LOSS, weak)) is GAIN
    assert best_rival(()) is None


def test_of_a_loss_the_best_rival_is_the_lowest() -> None:
    shots = comparison(2.0, 1.75, interval(-0.25, -0.3, -0.2), "token_loss", "few-shot-3", higher_is_better=False)
    assert best_rival((LOSS, shots)) is shots
    assert verdict(shots).startswith(
        "Tuning beats the best untuned alternative, the base with 3 examples in its prompt (2.000)"
    )


def test_verdicts() -> None:
    assert verdict(OVER_FEW_SHOT) == (
        "Tuning beats the best untuned alternative, the base with 3 examples in its prompt (31.0): "
        "+8.1 points, 95 % interval +6.0 to +10.2."
    )
    lead = comparison(30.0, 30.5, interval(0.5, -1.0, 2.0), before_name="lead-1")
    assert verdict(lead).startswith(
        "No gain was shown over the best untuned alternative, copying the first sentence or line"
    )
    worse = comparison(40.0, 30.0, interval(-10.0, -12.0, -8.0), before_name="copy")
    assert verdict(worse).startswith("Tuning is worse")
    assert "): none" in verdict(comparison(1.0, 2.0, Undefined("none")))


def test_what_lies_near_a_margin_or_zero_has_more_digits() -> None:
    assert [change("rouge1", value, 0.0, 5.0) for value in (4.9, 4.97, 5.0, 5.003, -0.03, 0.0)] == [
        *("+4.9", "+4.97", "+5.0", "+5.003", "−0.03", "+0.0")
    ]
    assert change("rouge1", 4.97) == "+5.0"
    assert change("token_loss", 0.0496, 0.0, 0.05) == "+0.0496"


def test_a_candidate_tells_of_a_loss_as_of_a_score() -> None:
    drops = (DevDrop("language", "token_loss", 40, 0.05, 2.0, 2.1, 0.1, Undefined("few")),)
    line = candidate_line(DevEvidence("plain", "", "token_loss", 50, 3.0, 2.6, 0.4, drops))
    assert line == "token_loss gain +0.400; language −0.100 (margin 0.05) on development items"
