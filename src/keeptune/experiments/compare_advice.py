"""Advice on a setting of one number, such as the share of replay: which value helped, and whether more would.

Among methods that differ only in that number, the reference is the one without it, or the gentlest. A setting helped if
the reference's worst drop surely lies above each declared ability's drop by it, paired by seed and item; advised is the
gentlest that helped, or a stronger one that surely helped more. The intervals that are told are 95 % each; "surely" is
corrected for the number of methods (`compare_methods.sure_level`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from keeptune.experiments.compare_methods import Forgetting, difference, sure_level
from keeptune.experiments.trial_scores import Measured
from keeptune.mitigation.registry import MITIGATIONS
from keeptune.mitigation.spec import MitigationSpec, Part, parse
from keeptune.records import Interval, MaybeInterval, Undefined, negated
from keeptune.report.phrases import change, score, unit
from keeptune.statistics.seeded import Seeded


@dataclass(frozen=True, slots=True)
class Family:
    """Methods that differ in one number alone."""

    setting: str
    without: str
    """What they share: ``full``."""
    reference: str
    settings: tuple[tuple[float, str], ...]
    """(value, method), from the gentlest on; the reference is not among them."""


def advise(task: Measured, forgetting: Forgetting) -> tuple[str, ...]:
    """One sentence for each family among the methods, with its evidence."""
    return tuple(_sentence(family, task, forgetting) for family in families(list(task.change)))


def families(methods: Sequence[str]) -> Iterator[Family]:
    """Methods that differ only in the value of one numeric setting, two of them or more."""
    found: dict[tuple[str, str], dict[float | None, str]] = {}
    plain = {str(_in_full(method)): method for method in methods}
    for method in methods:
        parts = _in_full(method).parts
        for part in parts:
            if isinstance(part.value, float):
                rest = "+".join(str(other) for other in parts if other != part)
                members = found.setdefault((part.name, rest), {None: plain[rest]} if rest in plain else {})
                members[part.value] = method
    for (name, rest), members in found.items():
        if len(members) >= 2:
            values = sorted((v for v in members if v is not None), reverse=MITIGATIONS[name].stronger == "smaller")
            settings = tuple((value, members[value]) for value in values)
            if None in members:
                yield Family(name, rest, members[None], settings)
            else:
                yield Family(name, rest, settings[0][1], settings[1:])


def _sentence(family: Family, task: Measured, forgetting: Forgetting) -> str:
    worst, before = forgetting.of(family.reference)
    drops = {method: forgetting.each(method)[worst] for _, method in family.settings}
    level = sure_level(len(task.change))
    chosen = _chosen([method for _, method in family.settings], family.reference, forgetting, level)
    metric, of = forgetting.metric, worst or "the mean of the abilities"
    at = f"{family.setting} on {family.without}" if family.without else family.setting
    if chosen is None:
        told = ", ".join(
            f"{_value(family.setting, value)}: {_changed(metric, drops[method])}" for value, method in family.settings
        )
        return (
            f"{at}: the settings cannot be distinguished with these seeds and items; {of} changed by "
            f"{_changed(metric, before)} with {family.reference}, and by {told}."
        )
    value = next(value for value, method in family.settings if method == chosen)
    stronger = family.settings[[method for _, method in family.settings].index(chosen) + 1 :]
    others = ", ".join(_value(family.setting, v) for v, _ in stronger)
    more = f" A stronger setting ({others}) did not help significantly more."
    return (
        f"{at} = {_value(family.setting, value)}: {of} changed by {_changed(metric, drops[chosen])} instead of "
        f"{_changed(metric, before)} with {family.reference}, and "
        f"{_gain(task, difference(task.change[chosen], task.change[family.reference]))}."
        f"{more if stronger else ''}"
    )


def _chosen(methods: Sequence[str], reference: str, forgetting: Forgetting, level: float) -> str | None:
    """The gentlest that surely forgot less than the reference, or a stronger one that surely did so again.

    Which ability the reference dropped most is partly luck: that drop must surely lie above every declared one.
    """
    chosen = reference
    for method in methods:
        if forgetting.surely_more(chosen, method, level)[1]:
            chosen = method
    return None if chosen == reference else chosen


def _gain(task: Measured, found: MaybeInterval) -> str:
    metric = task.metric.name
    if not isinstance(found, Interval):
        return f"its gain cannot be compared: {found.reason}"
    if found.low <= 0.0 <= found.high:
        return f"the gain differs by at most {score(metric, max(-found.low, found.high))} {unit(metric)}"
    return f"the gain changed by {_limits(metric, found)} {unit(metric)}"


def _changed(metric: str, drop: Seeded) -> str:
    """The change that a drop is: below 0 is worse."""
    found = negated(drop.interval())
    return found.reason if isinstance(found, Undefined) else _limits(metric, found)


def _limits(metric: str, found: Interval) -> str:
    return f"{change(metric, found.estimate)} [{change(metric, found.low)} to {change(metric, found.high)}]"


def _value(setting: str, value: float) -> str:
    return f"{100.0 * value:g} %" if MITIGATIONS[setting].in_percent else f"{value:g}"


def _in_full(method: str) -> MitigationSpec:
    """Every value written out, in the order of the names."""
    parts = (Part(part.name, part.effective) for part in parse(method).parts)
    return MitigationSpec(tuple(sorted(parts, key=str)))
