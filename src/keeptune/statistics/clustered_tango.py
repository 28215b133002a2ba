"""Tango's interval for proportions of clustered items: at their number over the design effect, with Student's t.

Kish 1965, "Survey Sampling": a sample of n clustered items tells as much as n/deff independent ones, deff the variance
of its mean over the variance that n independent items would give.
"""

from __future__ import annotations

from dataclasses import dataclass

from scipy.special import stdtr

from keeptune.records import Interval, MaybeInterval, Undefined
from keeptune.statistics.jackknife import MIN_DIFFERING, Jackknife
from keeptune.statistics.tango import METHOD, tango_interval, tango_z


@dataclass(frozen=True, slots=True)
class ClusteredTango:
    """Counts over the design effect, as fractions of `items`, and the degrees of Student's t."""

    plus: float
    minus: float
    items: float
    degrees: float
    caveat: str

    def interval(self, level: float = 0.95) -> MaybeInterval:
        """As `tango_interval`, a fraction; `method` states a caveat."""
        found = tango_interval(self.plus, self.minus, self.items, level, self.degrees)
        if isinstance(found, Undefined):
            return found
        method = f"{METHOD}, clustered{f'; {self.caveat}' if self.caveat else ''}"
        return Interval(found.estimate, found.low, found.high, level, method)

    def p_above(self, difference: float) -> float:
        """One-sided p-value of H0 "the true difference is at most `difference`", a fraction, by Student's t."""
        return float(stdtr(self.degrees, -tango_z(self.plus, self.minus, self.items, difference)))


def clustered_tango(plus: int, minus: int, items: int, jackknife: Jackknife) -> ClusteredTango:
    """Counts of all items, and the `jackknife` of their difference in points over the clusters.

    The design effect is at least 1. Where fewer than 10 effective clusters differ it cannot be estimated; it is then
    rather the one of clusters that change as a whole, n over the effective number of clusters, by the share of those
    10 that are missing. Of unequal clusters it is estimated too low when the heaviest happened not to change; the
    factor (clusters/effective)^¼ was found by simulation to make up for it.
    """
    p, q = plus / items, minus / items
    independent = 1e4 * (p + q - (p - q) ** 2) / items
    whole = items / jackknife.effective
    effect = max(1.0, jackknife.standard_error**2 / independent) if independent > 0.0 else whole
    seen = min(jackknife.differing * jackknife.effective / (MIN_DIFFERING * jackknife.clusters), 1.0)
    effect = seen * effect + (1.0 - seen) * max(effect, whole)
    effect *= (jackknife.clusters / jackknife.effective) ** 0.25
    return ClusteredTango(plus / effect, minus / effect, items / effect, jackknife.degrees, jackknife.caveat)
