"""How strict each of several looks at growing data must be.

Pocock 1977, "Group sequential methods in the design and analysis of clinical trials", Biometrika 64:191-199; Armitage,
McPherson and Rowe 1969, "Repeated significance tests on accumulating data", Journal of the Royal Statistical Society A
132:235-244, for the recursion.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from keeptune.statistics.planning import ALPHA

MOST_LOOKS = 10
_POINTS = 401


def level_of(looks: int) -> float:
    """The level of the intervals at each of `looks` looks, such that all of them together err as one at 95 % does."""
    return 1.0 - 2.0 * alpha_of(looks)


def alpha_of(looks: int) -> float:
    """The one-sided error of each look: 1 − Φ of Pocock's bound; 0.025 of one look."""
    return float(1.0 - ndtr(pocock_bound(looks)))


@cache
def pocock_bound(looks: int, alpha: float = ALPHA) -> float:
    """c with P(|z₁| ≤ c, …, |z_K| ≤ c) = 1 − 2·alpha of the standardised sums z of equal, independent steps."""
    if not 1 <= looks <= MOST_LOOKS:
        raise ValueError(f"looks must lie between 1 and {MOST_LOOKS}, not {looks}")
    one = float(ndtri(1.0 - alpha))
    if looks == 1:
        return one
    return float(brentq(lambda c: _inside(looks, c) - (1.0 - 2.0 * alpha), one, one + 2.0, xtol=1e-9))


def _inside(looks: int, bound: float) -> float:
    """The probability that no sum S_k = √k·z_k leaves ±bound·√k: the density of S_k, inside so far, step by step."""
    nodes, weights = np.polynomial.legendre.leggauss(_POINTS)
    at = bound * nodes
    density = np.exp(-(at**2) / 2.0) / math.sqrt(2.0 * math.pi) * weights * bound
    for look in range(2, looks + 1):
        onward = bound * math.sqrt(look) * nodes
        step = np.exp(-((onward[:, None] - at[None, :]) ** 2) / 2.0) / math.sqrt(2.0 * math.pi)
        density, at = (step @ density) * weights * bound * math.sqrt(look), onward
    return float(density.sum())
