"""A score test of a mean for values of any shape: Tango's test without the binomial.

A test of "the mean is m" that takes the variance from the sample is too sure where few values make the mean: a sample
that happens to hold few large falls has a small mean and a small variance at once. Tango's test for binary scores takes
the variance of the likeliest distribution whose mean is m. This one does the same for any values: the likeliest weights
on the values seen, and on one value not seen at the end of the scale (empirical likelihood: Owen 1988, "Empirical
likelihood ratio confidence intervals for a single functional", Biometrika 75:237-249).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

FloatArray = NDArray[np.float64]

_HALVINGS = 40
_SURE = 1e9
"""The z of a mean that no distribution between the ends has."""


def restricted_variance(values: FloatArray, null: float, reach: FloatArray | float) -> FloatArray:
    """[...] from values [..., n]: Σ w·(v − m)² of the likeliest weights w with Σ w·v = m, m = `null`.

    w = 1/(n·(1 + λ(v − m))), and what is missing to 1 is the weight of the value m ± `reach`, on the other side of m
    than the sample's mean. On the values −1, 0 and 1 with the reach of ±1 it is Tango's 2q + m(1 − m).

    Args:
        reach: how far the end of the scale lies from m, above 0; no value lies beyond it.
    """
    deviations = np.asarray(values, dtype=np.float64) - null
    side = np.where(deviations.mean(axis=-1, keepdims=True) > 0.0, -1.0, 1.0)
    deviations *= side
    end = np.maximum(np.asarray(reach, dtype=np.float64)[..., None], deviations.max(axis=-1, keepdims=True))
    # As shares of the reach the λ lies in (−1, 0].
    scaled = deviations / end
    low, high = np.full(end.shape, -1.0 + 1e-9), np.zeros(end.shape)
    at_end = (scaled / (1.0 + low * scaled)).mean(axis=-1, keepdims=True) < 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        above = (scaled / (1.0 + middle * scaled)).mean(axis=-1, keepdims=True) > 0.0
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    weights = 1.0 / (1.0 + np.where(at_end, -1.0 + 1e-9, (low + high) / 2.0) * scaled)
    seen = (weights * scaled**2).mean(axis=-1)
    unseen = np.where(at_end[..., 0], np.maximum(1.0 - weights.mean(axis=-1), 0.0), 0.0)
    return np.asarray((seen + unseen) * end[..., 0] ** 2, dtype=np.float64)


def score_z(
    values: FloatArray, estimate: FloatArray | float, null: float, up: FloatArray | float, down: FloatArray | float
) -> FloatArray:
    """[...]: (estimate − m)/√(σ²/(n − 1)), σ² the variance restricted to the mean m = `null`.

    Where the restricted variance is below the sample's own, their mean is taken: a difference is not made surer by
    more than half of what leaving its largest values out would give.

    Args:
        values: [..., n] with the mean `estimate`, nearly: pseudo-values of a jackknife.
        up: the largest value that could have been seen; `down` the smallest. Never nearer than what was seen.
    """
    above = np.asarray(null > np.asarray(estimate))
    reach = np.where(above, np.asarray(up) - null, null - np.asarray(down))
    own = values.var(axis=-1)
    possible = reach > 1e-9 * (1.0 + abs(null))
    restricted = restricted_variance(values, null, np.where(possible, reach, 1.0))
    variance = np.where(restricted < own, (restricted + own) / 2.0, restricted)
    distance = np.asarray(estimate) - null
    with np.errstate(divide="ignore", invalid="ignore"):
        z = distance / np.sqrt(variance / (values.shape[-1] - 1))
    z = np.where(possible, z, np.copysign(_SURE, distance))
    return np.clip(np.where(distance == 0.0, 0.0, z), -_SURE, _SURE)


def outward(z: Callable[[float], float], start: float, step: float, target: float) -> float:
    """The place beyond `start`, on the side of `step`, where a z that falls with the null reaches `target`.

    Steps are doubled until the target is passed; the last place is returned where it never is.
    """
    inner, reach = start, step
    for _ in range(60):
        outer = start + reach
        if abs(z(outer)) >= abs(target):
            return float(brentq(lambda null: abs(z(null)) - abs(target), inner, outer, xtol=1e-10, rtol=1e-12))
        inner, reach = outer, 2.0 * reach
    return inner
