"""How many items a verdict needs, and which drop a number of items would show.

One-sided, with the error `alpha` and the `power` that the caller asks for: by default 2.5 % and 80 %. For binary scores
the normal approximation of Tango's test, with the variance of each hypothesis in its place (Lu and Bean 1995, "On the
sample size for one-sided equivalence of sensitivities based upon McNemar's test", Statistics in Medicine 14:1831-1839;
Tango 1998, ibid. 17:891-908). With one variance for both, m + 2.80·s/√n, a drop made of new right→wrong flips is found
in 42 to 70 % of the cases instead of 80: the new flips add variance of their own.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from scipy.optimize import brentq
from scipy.special import stdtrit

from keeptune.statistics.tango import restricted_variance

ALPHA = 0.025
POWER = 0.80


def power_of_each(abilities: int) -> float:
    """0.8^(1/k): the power that each of k independent verdicts needs for all of them to come out with 80 %."""
    return float(POWER ** (1.0 / abilities))


def discordant_share(plus: float, minus: float, items: float) -> float:
    """s² = (b + c + 1)/(n + 2): the share of items that flip, never 0 because none was seen to."""
    return (plus + minus + 1.0) / (items + 2.0)


def items_for_kept_binary(discordant: float, margin: float, alpha: float = ALPHA, power: float = POWER) -> int:
    """Items for an upper limit of the drop below `margin`, where nothing changed but flips both ways.

    n = (z₁₋α·σ₀ + z_power·σ₁)²/m², σ₀² the variance of an item's difference restricted to a drop of m, σ₁² the share
    that flips. Fractions in.
    """
    half = min(discordant, 1.0) / 2.0
    return _items(half, half, margin, alpha, power)


def detectable_drop_binary(
    discordant: float, items: float, margin: float, alpha: float = ALPHA, power: float = POWER
) -> float | None:
    """The true drop whose lower limit would lie above `margin` with that power; None where none would.

    `discordant` is the share of items that flip when nothing is lost, half each way. A drop of d is d more flips
    right→wrong: d = m + (z₁₋α·σ₀ + z_power·σ₁)/√n with σ₁² = share + d − d². Fractions in and out.
    """
    if items < 1:
        return None
    half = min(discordant, 1.0) / 2.0
    most = 1.0 - 2.0 * half

    def missing(drop: float) -> float:
        return _reach(half + drop, half, margin, alpha, power) - (drop - margin) * math.sqrt(math.floor(items))

    if most <= margin or missing(most) > 0.0:
        return None
    return float(brentq(missing, margin, most, xtol=1e-16))


def items_for_kept(
    variance: float, margin: float, alpha: float = ALPHA, power: float = POWER, null_variance: float | None = None
) -> int:
    """(z₁₋α·σ₀ + z_power·s)²/m² items, s² the variance of an item's difference where nothing changed and σ₀² that under
    a drop of m, the same if none is given; in the margin's unit."""
    null = math.sqrt(variance if null_variance is None else null_variance)
    return max(1, math.ceil(((_z(alpha) * null + _z(1.0 - power) * math.sqrt(variance)) / margin) ** 2))


def detectable_drop(
    variance: float,
    change_size: float,
    clusters: int,
    margin: float,
    alpha: float = ALPHA,
    degrees: float | None = None,
) -> float:
    """The same for other scores, in the margin's unit: the drop d = m + (t₁₋α + t₀.₈)·√((s² + d·r)/n), n clusters.

    s² is the variance of a cluster's difference, and r how far a cluster that changes moves (`change_size`): a drop
    made of new falls of that size adds d·r to the variance. Without it, it is m + 2.80·s/√n.
    """
    degrees = clusters - 1 if degrees is None else degrees
    t = float(stdtrit(degrees, 1.0 - alpha) + stdtrit(degrees, POWER))
    half = t * t * change_size / (2.0 * clusters)
    return margin + half + math.sqrt(half * half + t * t * (variance + margin * change_size) / clusters)


def items_to_tell(
    variance: float, drop: float, margin: float, alpha: float = ALPHA, power: float = POWER
) -> int | None:
    """Items to tell a true drop from `margin`, on either side of it. None where they are the same."""
    return None if drop == margin else items_for_kept(variance, abs(drop - margin), alpha, power)


def items_to_tell_binary(
    plus: float, minus: float, margin: float, alpha: float = ALPHA, power: float = POWER
) -> int | None:
    """The same by Tango's test, with the true shares of items that get worse (`plus`) and better (`minus`)."""
    return None if plus - minus == margin else _items(plus, minus, margin, alpha, power)


def _items(plus: float, minus: float, margin: float, alpha: float, power: float) -> int:
    root = _reach(plus, minus, margin, alpha, power) / (plus - minus - margin)
    return max(1, math.ceil(root * root))


def _reach(plus: float, minus: float, margin: float, alpha: float, power: float) -> float:
    """z₁₋α·σ₀ + z_power·σ₁ of one item."""
    null = math.sqrt(restricted_variance(plus, minus, margin))
    alternative = math.sqrt(max(plus + minus - (plus - minus) ** 2, 0.0))
    return _z(alpha) * null + _z(1.0 - power) * alternative


def _z(beyond: float) -> float:
    """The normal quantile that is exceeded with this probability."""
    return NormalDist().inv_cdf(1.0 - beyond)
