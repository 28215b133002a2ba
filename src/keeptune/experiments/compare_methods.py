"""Methods against each other: what each gained, what each forgot, and which of that is sure.

Surely: by an interval of the difference, paired by seed and item, of three seeds or more, at 95 % over all pairs of
methods together (`sure_level`, Bonferroni). With fewer seeds nothing is surely so of a method.

Pareto front: method A dominates B only if surely. Both intervals must lie at or above 0, and one of them above it: of
gain(A) − gain(B), and of forgetting(B) − forgetting(A). Both must hold, so each is tested at its full level
(intersection-union; Berger 1982, Technometrics 24:295-300). A method that nobody dominates so is on the front, and may
be there for want of seeds or items.

Forgetting: the drop of the declared ability that dropped most; where none is declared, the mean drop of all that were
measured. Which one looks worst is partly luck, so "B surely forgets more than A" asks that B's worst drop is surely
above every declared ability's drop under A.

Matched gain: a method that gains less forgets less, as a rule, so forgetting is compared among methods whose measured
gain lies near the best one's, at most 10 % or the lower half of the best one's interval below it, whichever is less. It
is not shown that their gains are equal, and nothing is read off between settings that were not trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keeptune.experiments.trial_scores import Measured
from keeptune.records import Interval, MaybeInterval, MethodPair, Undefined
from keeptune.statistics.seeded import Seeded, mean_of

MATCH = 0.1
"""Share of the best gain by which a matched one may lie below it."""


@dataclass(frozen=True, slots=True)
class Forgetting:
    """What counts as forgetting in one comparison: one part, the mean, or as many as abilities are declared."""

    words: str
    metric: str
    """A metric in whose unit it is."""
    parts: Mapping[str, Measured]
    """Declared abilities by name; or all abilities, whose mean it is."""
    is_mean: bool

    def of(self, method: str) -> tuple[str, Seeded]:
        """(the worst ability, its drop); ("", mean drop) of a mean."""
        return max(self.each(method).items(), key=lambda part: part[1].mean)

    def each(self, method: str) -> dict[str, Seeded]:
        """Every drop that may be the worst."""
        drops = {name: part.change[method] for name, part in self.parts.items()}
        return {"": mean_of(list(drops.values()))} if self.is_mean else drops

    def interval(self, method: str) -> MaybeInterval:
        """Of the worst ability's drop, or of the mean."""
        name, drop = self.of(method)
        if name:
            return self.parts[name].interval(method)
        return drop.interval() if len(self.parts) > 1 else next(iter(self.parts.values())).interval(method)

    def surely_more(self, method: str, other: str, level: float) -> tuple[bool, bool]:
        """(surely no less than by `other`, surely more): against every part, as the worst is not known for sure."""
        worst = self.of(method)[1]
        found = [worst.minus(part) for part in self.each(other).values()]
        known = [each for each in found if not isinstance(each, Undefined)]
        if len(known) < len(found):
            return False, False
        no_less = all(each.surely_not_below_zero(level) for each in known)
        return no_less, all(each.surely_above_zero(level) for each in known)


def forgetting_of(abilities: Sequence[Measured]) -> Forgetting | Undefined:
    """The declared abilities, or all of them; those in points, or those in nats where there is none in points."""
    declared = [ability for ability in abilities if ability.declared]
    chosen = declared or list(abilities)
    in_points = [ability for ability in chosen if ability.metric.unit == "points"]
    chosen = in_points or chosen
    if not chosen:
        return Undefined("no ability was measured in every trial")
    if not declared:
        words = f"the mean of {len(chosen)} abilities" if len(chosen) > 1 else chosen[0].name
    else:
        words = "the worst declared ability" if len(chosen) > 1 else chosen[0].name
    parts = {ability.name: ability for ability in chosen}
    return Forgetting(words, chosen[0].metric.name, parts, is_mean=not declared)


def difference(one: Seeded, other: Seeded) -> MaybeInterval:
    """one − other with its interval."""
    found = one.minus(other)
    return found if isinstance(found, Undefined) else found.interval()


def sure_level(methods: int) -> float:
    """The level of one pair's interval at which all pairs of so many methods hold at 95 % together."""
    return 1.0 - 0.05 / max(methods * (methods - 1) // 2, 1)


def dominates(method: str, other: str, task: Measured, forgetting: Forgetting) -> bool:
    """Whether `method` surely gains no less and forgets no more than `other`, one of them strictly."""
    gain, level = task.change[method].minus(task.change[other]), sure_level(len(task.change))
    if isinstance(gain, Undefined):
        return False
    no_less, more = forgetting.surely_more(other, method, level)
    return gain.surely_not_below_zero(level) and no_less and (gain.surely_above_zero(level) or more)


@dataclass(frozen=True, slots=True)
class Matched:
    """Methods whose measured gain lies near the best one's."""

    best: str
    reach: float
    """How far below the best gain a method may lie; 0 where none gained, or that cannot be said."""
    methods: tuple[str, ...]
    """By gain, the best first; it alone where `reach` is 0."""


def matched(task: Measured) -> Matched:
    """The methods among which forgetting is compared; see the rule above."""
    gains = {method: change.mean for method, change in task.change.items()}
    best = max(gains, key=lambda method: gains[method])
    interval = task.interval(best)
    below = interval.estimate - interval.low if isinstance(interval, Interval) else 0.0
    reach = max(min(MATCH * gains[best], below), 0.0)
    near = [method for method in gains if method != best and reach > 0.0 and gains[method] >= gains[best] - reach]
    return Matched(best, reach, (best, *sorted(near, key=lambda method: -gains[method])))


def pairs_of(task: Measured, forgetting: Forgetting | Undefined) -> tuple[MethodPair, ...]:
    """Every two methods, each pair once."""
    methods = list(task.change)
    return tuple(
        MethodPair(
            method,
            other,
            difference(task.change[method], task.change[other]),
            forgetting
            if isinstance(forgetting, Undefined)
            else difference(forgetting.of(method)[1], forgetting.of(other)[1]),
        )
        for place, method in enumerate(methods)
        for other in methods[place + 1 :]
    )
