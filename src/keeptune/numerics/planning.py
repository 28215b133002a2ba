"""How many items a verdict needs, and which drop a number of items would show.

One-sided 2.5 %, 80 % power. For binary scores the normal approximation of Tango's test, with the variance of each
hypothesis in its place (Lu and Bean 1995, "On the sample size for one-sided equivalence of sensitivities based
upon McNemar's test", Statistics in Medicine 14:1831-1839; Tango 1998, ibid. 17:891-908). With one variance for
both, m + 2.80·s/√n, a drop made of new right→wrong flips is found in 42 to 70 % of the cases instead of 80: the new
flips add variance of their own.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from scipy.special import stdtrit

from keeptune.numerics.tango import restricted_variance

ALPHA = 0.025
POWER = 0.80

_Z_ALPHA = NormalDist().inv_cdf(1.0 - ALPHA)
_Z_POWER = NormalDist().inv_cdf(POWER)
_HALVINGS = 60


def discordant_share(plus: int, minus: int, items: int) -> float:
    """s² = (b + c + 1)/(n + 2): the share of items that flip, never 0 because none was seen to."""
    return (plus + minus + 1.0) / (items + 2.0)


def items_for_kept_binary(discordant: float, margin: float) -> int:
    """Items for an upper limit of the drop below `margin` with 80 % power, where nothing changed but flips both ways.

    n = (1.96·σ₀ + 0.84·σ₁)²/m², σ₀² the variance of an item's difference restricted to a drop of m, σ₁² the share that
    flips. Fractions in.
    """
    half = min(discordant, 1.0) / 2.0
    return _items(half, half, margin)


def detectable_drop_binary(discordant: float, items: int, margin: float) -> float | None:
    """The true drop whose lower limit would lie above `margin` with 80 % power; None where none would.

    `discordant` is the share of items that flip when nothing is lost, half each way. A drop of d is d more flips
    right→wrong: d = m + (1.96·σ₀ + 0.84·σ₁)/√n with σ₁² = share + d − d². Fractions in and out.
    """
    if items < 1:
        return None
    half = min(discordant, 1.0) / 2.0
    low, high = margin, 1.0 - 2.0 * half
    if high <= margin or _items(half + high, half, margin) > items:
        return None
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        if not low < middle < high:
            break
        if _items(half + middle, half, margin) > items:
            low = middle
        else:
            high = middle
    return high


def items_for_kept(variance: float, margin: float) -> int:
    """(1.96 + 0.84)²·s²/m² = 7.85·s²/m² items, s² the variance of an item's difference, in the margin's unit."""
    return max(1, math.ceil((_Z_ALPHA + _Z_POWER) ** 2 * variance / margin**2))


def detectable_drop(variance: float, change_size: float, clusters: int, margin: float) -> float:
    """The same for other scores, in the margin's unit: the drop d = m + (t₀.₉₇₅ + t₀.₈)·√((s² + d·r)/n), n clusters.

    s² is the variance of a cluster's difference, and r how far a cluster that changes moves (`change_size`): a drop
    made of new falls of that size adds d·r to the variance. Without it, it is m + 2.80·s/√n.
    """
    t = float(stdtrit(clusters - 1, 1.0 - ALPHA) + stdtrit(clusters - 1, POWER))
    half = t * t * change_size / (2.0 * clusters)
    return margin + half + math.sqrt(half * half + t * t * (variance + margin * change_size) / clusters)


def items_to_tell(variance: float, drop: float, margin: float) -> int | None:
    """Items to tell a true drop from `margin`, on either side of it: 7.85·s²/(d − m)². None where they are the same."""
    return None if drop == margin else items_for_kept(variance, abs(drop - margin))


def items_to_tell_binary(plus: float, minus: float, margin: float) -> int | None:
    """The same by Tango's test, with the true shares of items that get worse (`plus`) and better (`minus`)."""
    return None if plus - minus == margin else _items(plus, minus, margin)


def _items(plus: float, minus: float, margin: float) -> int:
    difference = plus - minus
    null = math.sqrt(restricted_variance(plus, minus, margin))
    alternative = math.sqrt(max(plus + minus - difference * difference, 0.0))
    root = (_Z_ALPHA * null + _Z_POWER * alternative) / (difference - margin)
    return max(1, math.ceil(root * root))
