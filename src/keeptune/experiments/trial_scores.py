"""What the finished trials of a comparison scored: every method on the same items, under all of its seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from keeptune.forgetting.compare import Pair, pair
from keeptune.forgetting.paired_scores import paired_scores
from keeptune.records import (
    AbilityReport,
    EvalRecord,
    Interval,
    MaybeInterval,
    TuneResult,
    Undefined,
)
from keeptune.scoring.metric import Metric
from keeptune.scoring.table import get_metric
from keeptune.statistics.jackknife import LeftOut, paired_left_out
from keeptune.statistics.seeded import ONE_SEED, Seeded, seeded
from keeptune.workspace.workspace import Workspace

TASK = "the task"


@dataclass(frozen=True, slots=True)
class FinishedTrial:
    """One training that was scored, and where its records are."""

    method: str
    seed: int
    run: Workspace
    result: TuneResult


@dataclass(frozen=True, slots=True)
class Measured:
    """The task, or one ability, after training by each method, on the items that every trial answered."""

    name: str
    metric: Metric
    declared: bool
    margin: float
    base: float
    tuned: Mapping[str, float]
    """Method → mean over its seeds."""
    change: Mapping[str, Seeded]
    """Method → gain of the task, positive is better; or drop of an ability, positive is worse."""
    own: Mapping[str, tuple[MaybeInterval, ...]]
    """Method → the same as each of its trials told it alone."""

    def of_seed(self, method: str, seed: int) -> float:
        """The change by one method under one seed."""
        found = self.change[method]
        return float(found.values[found.seeds.index(seed)])

    def interval(self, method: str) -> MaybeInterval:
        """The change by one method over its seeds; of one seed, or where all seeds and items give the same to the last
        digit, the trials' own interval, which holds for the few changes of one checkpoint too."""
        alone = self.own[method]
        if len(alone) > 1 and self.change[method].standard_error > 0.0:
            return self.change[method].interval()
        known = [each for each in alone if isinstance(each, Interval)]
        if not known:
            return alone[0]
        widest = max(known, key=lambda each: each.high - each.low)
        said = ONE_SEED if len(alone) == 1 else "the same under every seed"
        return replace(widest, method=f"{said}; {widest.method}")


def task_scores(trials: Sequence[FinishedTrial]) -> Measured | Undefined:
    """The task, by its primary metric.

    Raises:
        StoreError: records that cannot be read.
    """
    metric = get_metric(trials[0].result.primary_metric)
    pairs = [pair(trial.run.samples("base"), trial.run.samples("tuned")) for trial in trials]
    own = [_own_gain(trial.result, metric) for trial in trials]
    return _measured(TASK, metric, trials, pairs, own)


def ability_scores(trials: Sequence[FinishedTrial]) -> tuple[list[Measured], dict[str, str]]:
    """(abilities that every trial was asked in the same version, the others' names → why they are left out).

    Raises:
        StoreError: records that cannot be read.
    """
    reports = [_abilities(trial.result) for trial in trials]
    found: list[Measured] = []
    left_out: dict[str, str] = {}
    for name in dict.fromkeys(name for of_trial in reports for name in of_trial):
        asked = [of_trial[name] for of_trial in reports if name in of_trial]
        if len(asked) < len(trials):
            left_out[name] = f"only {len(asked)} of {len(trials)} trials measured it"
        elif len({(report.version, report.metric, report.output_type) for report in asked}) > 1:
            left_out[name] = "the trials measured different versions of it"
        elif any(report.verdict == "not measurable" for report in asked):
            left_out[name] = "the base is not significantly more than two margins above the floor"
        else:
            pairs = [pair(*(trial.run.ability_records(name, side) for side in ("base", "tuned"))) for trial in trials]
            own = [report.drop for report in asked]
            measured = _measured(name, get_metric(asked[0].metric), trials, pairs, own, asked[0])
            if isinstance(measured, Undefined):
                left_out[name] = measured.reason
            else:
                found.append(measured)
    return found, left_out


def _abilities(result: TuneResult) -> dict[str, AbilityReport]:
    return {} if result.forgetting is None else {report.name: report for report in result.forgetting.abilities}


def _measured(
    name: str,
    metric: Metric,
    trials: Sequence[FinishedTrial],
    pairs: Sequence[Sequence[Pair]],
    own: Sequence[MaybeInterval],
    report: AbilityReport | None = None,
) -> Measured | Undefined:
    scored = [{before.item_id for before, after in each if _both_scored(before, after, metric)} for each in pairs]
    common = set.intersection(*scored)
    if not common:
        return Undefined("no item has a score in every trial")
    kept = [sorted((p for p in each if p[0].item_id in common), key=lambda p: p[0].item_id) for each in pairs]
    sign = 1.0 if metric.higher_is_better == (report is None) else -1.0
    bases: list[float] = []
    tuned: dict[str, list[float]] = {}
    by_seed: dict[str, dict[int, LeftOut]] = {}
    told: dict[str, tuple[MaybeInterval, ...]] = {}
    for trial, of_trial, itself in zip(trials, kept, own, strict=True):
        scores = paired_scores(of_trial, metric)
        found = paired_left_out(*scores.counted()[:3])
        before, after = scores.corpus()
        if isinstance(found, Undefined):
            return found
        if isinstance(before, Undefined) or isinstance(after, Undefined):
            return next(score for score in (before, after) if isinstance(score, Undefined))
        bases.append(before)
        tuned.setdefault(trial.method, []).append(after)
        by_seed.setdefault(trial.method, {})[trial.seed] = found._replace(
            whole=sign * found.whole, left_out=sign * found.left_out
        )
        told[trial.method] = (*told.get(trial.method, ()), itself)
    return Measured(
        name=name,
        metric=metric,
        declared=report is not None and report.declared,
        margin=0.0 if report is None else report.margin,
        base=sum(bases) / len(bases),
        tuned={method: sum(values) / len(values) for method, values in tuned.items()},
        change={method: seeded(seeds, name) for method, seeds in by_seed.items()},
        own=told,
    )


def _both_scored(before: EvalRecord, after: EvalRecord, metric: Metric) -> bool:
    return all(r.scores[metric.name].value is not None if metric.name in r.scores else False for r in (before, after))


def _own_gain(result: TuneResult, metric: Metric) -> MaybeInterval:
    """As the trial told it: tuned against base by its primary metric; positive is better."""
    told = (c.gain for c in result.comparisons if (c.metric, c.before_name) == (metric.name, "base"))
    return next(told, Undefined(f"no item has a {metric.name}"))
