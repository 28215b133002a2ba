"""A MethodComparison: several methods on one task, over seeds: what each gained, and what each forgot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from keeptune.records.interval import MaybeInterval
from keeptune.records.manifest import RunManifest
from keeptune.records.shown import Shown, paragraphs, table


@dataclass(frozen=True, slots=True)
class MethodAbility:
    """One ability after training by one method."""

    name: str
    metric: str
    declared: bool
    base: float
    """Corpus score on the items that every trial answered."""
    tuned: float
    """Mean over seeds."""
    drop: MaybeInterval
    """Mean over seeds, positive is worse, in the metric's unit."""


@dataclass(frozen=True, slots=True)
class MethodRow:
    """One method, over the seeds that were finished."""

    method: str
    """Its specification: ``full+replay=0.05``."""
    seeds: tuple[int, ...]
    score: float
    """On the task, mean over seeds."""
    gain: MaybeInterval
    """On the task, positive is better, in the metric's unit."""
    forgetting: MaybeInterval
    """Drop of the worst declared ability, or the mean drop where none is declared."""
    worst: str
    """Which ability that is; "" for a mean."""
    abilities: tuple[MethodAbility, ...]
    drift: Mapping[str, float]
    """Kind of text → KL(base ‖ tuned), nats per token, mean over seeds; empty where it was not measured."""
    minutes: float
    """Of training, mean over seeds."""
    dominated_by: tuple[str, ...]
    """Methods that surely gain no less and surely forget no more, one of them strictly; empty: on the front."""
    matched: bool
    """Whether its gain counts as that of the best."""


@dataclass(frozen=True, slots=True)
class MethodPair:
    """Two methods against each other, paired by seed and item."""

    method: str
    other: str
    gain: MaybeInterval
    """method − other."""
    forgetting: MaybeInterval
    """method − other; below 0 the first forgets less."""


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One training."""

    method: str
    seed: int
    path: str
    gain: float | None
    """None where it failed."""
    minutes: float | None
    error: str
    """Why it failed; "" where it did not."""


@dataclass(frozen=True, slots=True, repr=False)
class MethodComparison(Shown):
    """A whole `compare`."""

    schema_version: int
    path: str
    metric: str
    """The task's primary one."""
    higher_is_better: bool
    base: float
    """Score of the base on the task."""
    forgetting_of: str
    """What `MethodRow.forgetting` is, in words."""
    forgetting_metric: str
    """A metric in whose unit it is."""
    methods: tuple[MethodRow, ...]
    """In the order asked for; those with no finished trial are left out."""
    pairs: tuple[MethodPair, ...]
    trials: tuple[TrialRow, ...]
    sentences: tuple[str, ...]
    """What a colleague would say."""
    advice: tuple[str, ...]
    """On settings of one number that several methods differ in, a sentence each."""
    notices: tuple[str, ...]
    config: Mapping[str, Any]
    manifest: RunManifest

    def _line(self) -> str:
        return f"{len(self.methods)} methods, {len(self.trials)} trials, {self.metric}, {self.path}"

    def _page(self) -> str:
        head = ("method", "score", "gain, 95 % interval", "forgetting, 95 % interval", "worst", "minutes")
        rows = [(m.method, m.score, m.gain, m.forgetting, m.worst, m.minutes) for m in self.methods]
        return paragraphs([*self.sentences, *self.advice]) + table(head, rows)
