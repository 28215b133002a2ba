"""The mean of a statistic over draws that are all scored on the same items."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from keeptune.records import Interval

METHOD = "draws and items, t"


def crossed_interval(values: NDArray[np.float64], left_out: NDArray[np.float64], level: float = 0.95) -> Interval:
    """mean ± t·SE, SE² = s²(draws)/D + (J − 1)/J · Σⱼ (θ̄₍ⱼ₎ − θ̄₍·₎)².

    Draws share their items, so what the items bring does not show in the spread of the draws: the second part is the
    jackknife over clusters of the mean over draws. What is left to draw and item together is in both parts, so the
    interval is never too narrow by it. Degrees of freedom by Satterthwaite from D − 1 and J − 1.

    Args:
        values: [draws], the statistic of all items; two at least.
        left_out: [draws, clusters], of all clusters but each one.
    """
    draws, clusters = left_out.shape
    of_draws = float(values.var(ddof=1)) / draws
    mean_left_out = left_out.mean(axis=0)
    of_items = float((clusters - 1) / clusters * np.sum((mean_left_out - mean_left_out.mean()) ** 2))
    variance, mean = of_draws + of_items, float(values.mean())
    if variance == 0.0:
        return Interval(mean, mean, mean, level, METHOD)
    degrees = variance**2 / (of_draws**2 / (draws - 1) + of_items**2 / (clusters - 1))
    reach = float(stdtrit(degrees, 0.5 + level / 2.0)) * math.sqrt(variance)
    return Interval(mean, mean - reach, mean + reach, level, METHOD)
