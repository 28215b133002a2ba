"""Wilson's score interval for one proportion.

Wilson 1927, "Probable inference, the law of succession, and statistical inference", Journal of the American
Statistical Association 22:209-212.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from keeptune.records import Interval, MaybeInterval, Undefined

METHOD = "Wilson score interval"


def wilson_interval(count: int, items: int, level: float = 0.95) -> MaybeInterval:
    """The set of p with \\|p̂ − p\\| ≤ z·√(p(1 − p)/n), a fraction: (p̂ + z²/2n ± z·√(p̂(1 − p̂)/n + z²/4n²))/(1 + z²/n).

    With nothing counted the upper limit is z²/(n + z²), so an event that was never seen is not ruled out.
    """
    if not 0 <= count <= items:
        raise ValueError(f"need 0 <= count <= items, got {count} of {items}")
    if items == 0:
        return Undefined("no items")
    z = NormalDist().inv_cdf(0.5 + level / 2.0)
    share = count / items
    centre = share + z * z / (2.0 * items)
    reach = z * math.sqrt(share * (1.0 - share) / items + (z / (2.0 * items)) ** 2)
    scale = 1.0 + z * z / items
    low = 0.0 if count == 0 else (centre - reach) / scale
    high = 1.0 if count == items else (centre + reach) / scale
    return Interval(share, low, high, level, METHOD)
