"""An ability's verdict as the numbers that trackers draw."""

from __future__ import annotations

from keeptune.records import AbilityReport, Interval

PREFIX = "forgetting"
VERDICTS = {"kept": 1.0, "lost": -1.0, "collapsed": -1.0}
"""A verdict as a number; 0 is inconclusive or not measurable."""


def logged_ability(ability: AbilityReport) -> dict[str, float]:
    """``forgetting/<ability>/verdict`` and ``change`` with its limits, in the metric's unit: negative is worse."""
    values = {"verdict": VERDICTS.get(ability.verdict, 0.0)}
    if isinstance(ability.drop, Interval):
        drop = ability.drop
        values |= {"change": 0.0 - drop.estimate, "change_low": 0.0 - drop.high, "change_high": 0.0 - drop.low}
    return {f"{PREFIX}/{ability.name}/{name}": value for name, value in values.items()}
