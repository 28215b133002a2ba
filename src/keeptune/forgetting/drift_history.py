"""How well drift predicted the losses over the measured runs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import NormalDist, fmean
from typing import Any

from keeptune.records import Interval, MaybeInterval, Undefined

MIN_RUNS = 5
ON = "text of the base"
"""The text whose drift is used. It needs no task data, so every run has it."""


def drift_history(reports: Sequence[Mapping[str, Any]]) -> str:
    """One sentence on the rank correlation between drift and loss; "" under 5 runs.

    A run's loss is the mean of its measurable abilities' drops, each divided by its margin, so that points and nats
    add up. Of reports with one `path` the last counts; runs of another base than the last report's are left out, since
    the drift of two bases is not comparable.

    Args:
        reports: ForgettingReports as plain JSON, the oldest first.
    """
    of_path = {report["path"]: report for report in reports if report["base_name"] == reports[-1]["base_name"]}
    runs = [point for report in of_path.values() for point in _point(report)]
    if len(runs) < MIN_RUNS:
        return ""
    rho = spearman([drift for drift, _ in runs], [loss for _, loss in runs])
    if isinstance(rho, Undefined):
        return f"Over {len(runs)} runs, it is unknown whether drift predicts losses: {rho.reason}."
    found = (
        "more drift went with larger losses"
        if rho.low > 0.0
        else "more drift went with smaller losses"
        if rho.high < 0.0
        else "drift has not been shown to predict the losses"
    )
    numbers = f"Spearman's ρ {rho.estimate:.2f}, 95 % interval {rho.low:.2f} to {rho.high:.2f}".replace("-", "−")
    return f"Over {len(runs)} runs, {found} ({numbers})."


def check_report(report: Mapping[str, Any]) -> None:
    """Raises ValueError for a report from which `drift_history` cannot read what it reads."""
    try:
        list(_point(report))
        names = report["path"], report["base_name"]
    except (LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise ValueError(f"not a report: {type(error).__name__}: {error}") from error
    if not all(isinstance(name, str) for name in names):
        raise ValueError("its path and its base are not strings")


def spearman(first: Sequence[float], second: Sequence[float], level: float = 0.95) -> MaybeInterval:
    """Spearman's ρ; tanh(atanh ρ ± z·√((1 + ρ²/2)/(n − 3))).

    Bonett and Wright 2000, "Sample size requirements for estimating Pearson, Kendall and Spearman correlations",
    Psychometrika 65:23-28. A perfect order is taken as half a swap of neighbours from perfect for its interval, which
    would have no width otherwise.
    """
    n = len(first)
    if n < 4:
        return Undefined(f"{n} runs: an interval needs at least 4")
    if len(set(first)) == 1 or len(set(second)) == 1:
        return Undefined("drift or losses are the same in all runs")
    # Half a second to import, which no training should wait for.
    from scipy.stats import spearmanr

    rho = float(spearmanr(first, second).statistic)
    most = 1.0 - 6.0 / (n * (n * n - 1))
    inner = max(-most, min(most, rho))
    reach = NormalDist().inv_cdf(0.5 + level / 2.0) * math.sqrt((1.0 + inner * inner / 2.0) / (n - 3))
    low, high = (math.tanh(math.atanh(inner) + side * reach) for side in (-1, 1))
    return Interval(rho, min(low, rho), max(high, rho), level, "Spearman, Bonett-Wright")


def _point(report: Mapping[str, Any]) -> Iterator[tuple[float, float]]:
    """(drift, loss) of a run, if it has both."""
    rows = report["drift"] if isinstance(report["drift"], list) else []
    drifts = [row["kl"]["estimate"] for row in rows if row["on"] == ON and "estimate" in row["kl"]]
    measured = [a for a in report["abilities"] if "estimate" in a["drop"] and a["verdict"] != "not measurable"]
    losses = [a["drop"]["estimate"] / a["margin"] for a in measured]
    if drifts and losses:
        drift, loss = float(drifts[0]), fmean(losses)
        if not (math.isfinite(drift) and math.isfinite(loss)):
            raise ValueError("its drift or its losses are not finite numbers")
        yield drift, loss
