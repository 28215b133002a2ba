"""Drift as a row, and as a predictor."""

import math

import numpy as np
import pytest
from scipy.stats import spearmanr, t

from keeptune.forgetting.drift import drift_row
from keeptune.forgetting.drift_history import drift_history, spearman
from keeptune.records import DriftRow, Interval, Undefined, from_plain, to_plain


def test_tokens_weigh_the_same_whatever_their_sequence():
    row = drift_row("task prompts", [(3.0, 10), (1.0, 90), (0.0, 0)])
    assert row.kl.estimate == pytest.approx(4.0 / 100)
    assert (row.on, row.tokens, row.sequences) == ("task prompts", 100, 2)
    assert row.kl.low == 0.0  # two sequences tell little, and KL is not below 0


def test_the_upper_limit_leaves_room_for_what_was_not_sampled():
    values = np.random.default_rng(0).gamma(2.0, 0.1, 40)
    row = drift_row("x", [(20 * v, 20) for v in values])
    reach = t.ppf(0.975, 39) * values.std(ddof=1) / math.sqrt(40)
    assert row.kl.estimate == pytest.approx(values.mean())
    assert row.kl.low == pytest.approx(values.mean() - reach, rel=0.1)
    assert values.mean() + reach < row.kl.high < values.mean() + 5 * reach
    wider = drift_row("x", [(20 * v, 20) for v in values], level=0.999)
    assert wider.kl.low < row.kl.low < row.kl.high < wider.kl.high
    assert from_plain(DriftRow, to_plain(row)) == row


def test_a_model_against_itself_does_not_drift():
    row = drift_row("x", [(0.0, 12)] * 40)
    assert (row.kl.estimate, row.kl.low, row.kl.high) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("sums", "reason"),
    [
        ([], "no sequence has a token"),
        ([(0.0, 0)], "no sequence has a token"),
        ([(2.0, 8)], "1 sequence of 0.25 nats per token"),
        ([(math.inf, 8), (1.0, 4)], "the KL of 1 of 2 sequences is not a finite number"),
        ([(math.nan, 8), (math.nan, 4)], "the KL of 2 of 2 sequences is not a finite number"),
    ],
)
def test_what_cannot_be_told_is_said(sums, reason):
    row = drift_row("x", sums)
    assert isinstance(row.kl, Undefined)
    assert reason in row.kl.reason


def report(path, kl, drops, base="base", on="text of the base", verdict="lost"):
    def interval(x):
        return {"type": "Interval", "estimate": x, "low": x - 1, "high": x + 1, "level": 0.95, "method": "m"}

    return {
        "path": path,
        "base_name": base,
        "drift": [{"on": on, "kl": interval(kl)}],
        "abilities": [{"drop": interval(drop), "margin": m, "verdict": verdict} for drop, m in drops],
    }


def test_runs_in_order_are_said_to_rise_together():
    runs = [report(str(i), 0.1 * i, [(2.0 * i, 5.0), (0.02 * i, 0.05)]) for i in range(8)]
    text = drift_history(runs)
    assert text.startswith("Over 8 runs, more drift went with larger losses (Spearman's ρ 1.00, 95 % interval 0.")
    assert "smaller losses (Spearman's ρ −1.00" in drift_history(
        [report(str(i), 0.1 * i, [(-2.0 * i, 5.0)]) for i in range(8)]
    )


def test_no_order_is_no_prediction():
    runs = [report(str(kl), kl, [(drop, 5.0)]) for kl, drop in enumerate([3, 6, 1, 5, 2, 4])]
    assert "drift has not been shown to predict the losses" in drift_history(runs)


def test_what_is_not_comparable_does_not_count():
    runs = [report(str(i), 0.1 * i, [(2.0 * i, 5.0)]) for i in range(4)]
    assert drift_history([]) == ""
    assert drift_history(runs) == ""
    assert drift_history([*runs, report("0", 0.9, [(1.0, 5.0)])]) == ""  # measured again
    assert drift_history([report("x", 0.5, [(1.0, 5.0)], base="another"), *runs]) == ""
    assert drift_history([*runs, report("4", 0.5, [(1.0, 5.0)], on="task prompts")]) == ""
    assert drift_history([*runs, report("4", 0.5, [(1.0, 5.0)], verdict="not measurable")]) == ""
    assert drift_history([*runs, {**runs[0], "path": "4", "drift": {"type": "Undefined", "reason": "r"}}]) == ""
    assert drift_history([*runs, report("4", 0.5, [(9.0, 5.0)])]).startswith("Over 5 runs")


def test_losses_that_are_all_the_same_tell_nothing():
    assert "unknown" in drift_history([report(str(i), 0.1 * i, [(0.0, 5.0)]) for i in range(6)])


def test_the_interval_of_rho_is_bonett_and_wrights():
    rng = np.random.default_rng(1)
    x = rng.normal(size=30)
    y = x + rng.normal(size=30)
    found = spearman(x.tolist(), y.tolist())
    rho = spearmanr(x, y).statistic
    reach = 1.959964 * math.sqrt((1 + rho**2 / 2) / 27)
    assert found.estimate == pytest.approx(rho)
    assert found.low == pytest.approx(math.tanh(math.atanh(rho) - reach), abs=1e-6)
    assert found.high == pytest.approx(math.tanh(math.atanh(rho) + reach), abs=1e-6)
    perfect = spearman([1, 2, 3, 4, 5], [1, 2, 3, 4, 5])
    assert isinstance(perfect, Interval)
    assert perfect.estimate == perfect.high == pytest.approx(1.0)
    assert 0.0 < perfect.low < 0.95
    assert isinstance(spearman([1, 2, 3], [1, 2, 3]), Undefined)
