"""Tango's score interval for the difference of two paired proportions.

Tango 1998, "Equivalence test and confidence interval for the difference in proportions for the paired-sample
design", Statistics in Medicine 17:891-908.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import bdtrc, gammaln, stdtrit, xlog1py, xlogy

from keeptune.records import Interval, MaybeInterval, Undefined

METHOD = "Tango score interval"


def tango_z(plus: float, minus: float, items: float, difference: float) -> float:
    """The score statistic of H0: the true difference is `difference` (a fraction, strictly between −1 and 1).

    With b = plus, c = minus, n = items, m = difference: A = 2n; B = (2n − b + c)·m − b − c; C = −c·m(1 − m);
    q = (√(B² − 4AC) − B)/2A; z = (b − c − n·m)/√(n(2q + m(1 − m))). It falls as m grows. 1 − Φ(z) is the
    one-sided p-value of "the difference is above m".

    Args:
        plus: items that count +1, e.g. wrong before and right after. All three may be divided by a design effect.
        minus: items that count −1.
        items: all items, the unchanged ones among them.
    """
    _check(plus, minus, items)
    if not -1.0 < difference < 1.0:
        raise ValueError(f"difference must lie strictly between -1 and 1, not {difference}")
    numerator = plus - minus - items * difference
    variance = items * restricted_variance(plus / items, minus / items, difference) if items else 0.0
    if variance <= 0.0:
        return 0.0 if numerator == 0 else math.copysign(math.inf, numerator)
    return numerator / math.sqrt(variance)


def tango_mid_p_above(plus: int, minus: int, items: int, difference: float) -> float:
    """One-sided p-value of H0 "the true difference is at most `difference`": P(D > d) + ½·P(D = d) of D = b − c, d the
    one observed. The normal approximation 1 − Φ(z) is up to twice too small in the far tail where few pairs are
    discordant.

    At the likeliest shares under H0, c ~ q and b ~ q + m: N = b + c ~ Binomial(n, 2q + m) and
    b | N ~ Binomial(N, (q + m)/(2q + m)), summed over all N. Mid-p as in McNemar's test; parametric bootstrap
    without the sampling: Lloyd 2008, Australian & New Zealand Journal of Statistics 50:329-345.
    """
    _check(plus, minus, items)
    q = restricted_minus(plus / items, minus / items, difference)
    discordant = min(max(2.0 * q + difference, 0.0), 1.0)
    if discordant == 0.0:
        return 0.5 if plus == minus else float(plus < minus)
    upward = min(max((q + difference) / discordant, 0.0), 1.0)
    n = np.arange(items + 1)
    weights = _binomial(n, items, discordant)
    least = n + (plus - minus)  # twice the b with b − (N − b) = d
    above, up_to = bdtrc(least // 2, n, upward), bdtrc(-(-least // 2) - 1, n, upward)
    above, up_to = (np.where(least < 0, 1.0, np.where(least > 2 * n, 0.0, tail)) for tail in (above, up_to))
    # The weights' sum is 1 but for rounding.
    return min(float(np.sum(weights * (above + up_to)) / 2.0), 1.0)


def restricted_minus(plus: float, minus: float, difference: float) -> float:
    """q, the likeliest share of −1 pairs under H0, from shares of items: so it serves planning, too."""
    b, c, m = plus, minus, difference
    minus_b, c_term = b + c - (2.0 - b + c) * m, -c * m * (1.0 - m)
    root = math.sqrt(max(minus_b * minus_b - 8.0 * c_term, 0.0))
    # Of the two forms of the same root, the one that does not subtract nearly equal numbers.
    return (root + minus_b) / 4.0 if minus_b >= 0 else -2.0 * c_term / (root - minus_b)


def restricted_variance(plus: float, minus: float, difference: float) -> float:
    """Variance of one pair's difference under H0, 2q + m(1 − m); shares of items in."""
    return 2.0 * restricted_minus(plus, minus, difference) + difference * (1.0 - difference)


def tango_interval(
    plus: float, minus: float, items: float, level: float = 0.95, degrees: float = math.inf
) -> MaybeInterval:
    """The set of differences m with \\|z(m)\\| ≤ the normal quantile, about the estimate (plus −
    minus)/items; with `degrees`, of Student's t.

    Fractions, not points. z is monotone in m. With no discordant pair the limits are ±z²/(n + z²): no flips among few
    items prove little. With all pairs discordant in one direction the outer limit is ±1.
    """
    _check(plus, minus, items)
    if items == 0:
        return Undefined("no items")
    quantile = (
        NormalDist().inv_cdf(0.5 + level / 2.0) if degrees == math.inf else float(stdtrit(degrees, 0.5 + level / 2))
    )
    more, fewer = max(plus, minus), min(plus, minus)
    estimate = (more - fewer) / items
    low = _solve(more, fewer, items, quantile, -1.0, estimate)
    high = 1.0 if more == items else _solve(more, fewer, items, -quantile, estimate, 1.0)
    if minus > plus:  # exactly the mirror image: solved on its own side, rounding would differ near −1
        estimate, low, high = -estimate, -high, -low
    return Interval(estimate=estimate, low=low, high=high, level=level, method=METHOD)


def _solve(plus: float, minus: float, items: float, target: float, low: float, high: float) -> float:
    """The m between low and high, one of them the estimate, with z(m) = target."""

    def excess(m: float) -> float:
        # (z − target)·σ, which stays finite where σ is 0: at the estimate, and at −1 and 1.
        spread = math.sqrt(max(items * restricted_variance(plus / items, minus / items, m), 0.0))
        return plus - minus - items * m - target * spread

    # At an estimate with σ = 0 the excess is 0, too.
    apart = 1e-15 * (high - low)
    inside = (low, high - apart) if target > 0.0 else (low + apart, high)
    return float(brentq(excess, *inside, xtol=1e-16))


def _binomial(k: NDArray[np.int_], n: int, p: float) -> NDArray[np.float64]:
    """P(X = k) of X ~ Binomial(n, p)."""
    choices = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
    return np.asarray(np.exp(choices + xlogy(k, p) + xlog1py(n - k, -p)), dtype=np.float64)


def _check(plus: float, minus: float, items: float) -> None:
    if plus < 0 or minus < 0 or plus + minus > items:
        raise ValueError(f"need 0 <= plus, 0 <= minus, plus + minus <= items; got {plus}, {minus}, {items}")
