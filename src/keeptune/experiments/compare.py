"""The comparison of methods as one record, from trials that are finished."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from keeptune.experiments.compare_advice import advise
from keeptune.experiments.compare_methods import (
    Forgetting,
    Matched,
    dominates,
    forgetting_of,
    matched,
    pairs_of,
    sure_level,
)
from keeptune.experiments.trial_scores import FinishedTrial, Measured, ability_scores, task_scores
from keeptune.records import Interval, MaybeInterval, MethodAbility, MethodPair, MethodRow, Undefined, negated
from keeptune.report.phrases import change, interval, score, unit
from keeptune.statistics.jackknife import too_few
from keeptune.statistics.seeded import MIN_SEEDS

FEW_SEEDS = {
    1: "One seed: this applies to these checkpoints only, not to the methods; another seed may differ. "
    "Use three or more for a statement about the methods: --seeds 0,1,2.",
    2: "Two seeds are too few for a statement about the methods: use three or more, --seeds 0,1,2.",
}


@dataclass(frozen=True, slots=True)
class Compared:
    """What the trials say; the fields as in `MethodComparison`."""

    task: Measured
    forgetting_of: str
    forgetting_metric: str
    methods: tuple[MethodRow, ...]
    pairs: tuple[MethodPair, ...]
    sentences: tuple[str, ...]
    advice: tuple[str, ...]
    notices: tuple[str, ...]


def compare_trials(trials: Sequence[FinishedTrial]) -> Compared | Undefined:
    """Every method of `trials` against every other.

    Raises:
        StoreError: records of a trial that cannot be read.
    """
    task = task_scores(trials)
    if isinstance(task, Undefined):
        return task
    abilities, left_out = ability_scores(trials)
    forgetting = forgetting_of(abilities)
    known = None if isinstance(forgetting, Undefined) else forgetting
    alike = matched(task)
    rows = tuple(_row(method, trials, task, abilities, forgetting, alike) for method in task.change)
    notices = [f"{name} is left out: {reason}" for name, reason in left_out.items()]
    if known is not None and len(known.parts) < len([a for a in abilities if a.declared] or abilities):
        notices.append("abilities scored by a loss are shown, but not counted as forgetting: their unit differs")
    return Compared(
        task=task,
        forgetting_of=known.words if known else "forgetting",
        forgetting_metric=known.metric if known else "",
        methods=rows,
        pairs=pairs_of(task, forgetting),
        sentences=_sentences(task, known, rows, alike),
        advice=advise(task, known) if known else (),
        notices=tuple(notices),
    )


def _row(
    method: str,
    trials: Sequence[FinishedTrial],
    task: Measured,
    abilities: Sequence[Measured],
    forgetting: Forgetting | Undefined,
    alike: Matched,
) -> MethodRow:
    known = None if isinstance(forgetting, Undefined) else forgetting
    others = [other for other in task.change if other != method]
    mine = [trial for trial in trials if trial.method == method]
    return MethodRow(
        method=method,
        seeds=task.change[method].seeds,
        score=task.tuned[method],
        gain=task.interval(method),
        forgetting=forgetting if isinstance(forgetting, Undefined) else forgetting.interval(method),
        worst=known.of(method)[0] if known else "",
        abilities=tuple(
            MethodAbility(a.name, a.metric.name, a.declared, a.base, a.tuned[method], a.interval(method))
            for a in abilities
        ),
        drift=_drift(mine),
        minutes=fmean(trial.result.training.seconds / 60.0 for trial in mine),
        dominated_by=tuple(other for other in others if known and dominates(other, method, task, known)),
        matched=method in alike.methods,
    )


def _drift(trials: Sequence[FinishedTrial]) -> dict[str, float]:
    """Kind of text → mean over the trials that measured it."""
    found: dict[str, list[float]] = {}
    for trial in trials:
        report = trial.result.forgetting
        for row in () if report is None or isinstance(report.drift, Undefined) else report.drift:
            if isinstance(row.kl, Interval):
                found.setdefault(row.on, []).append(row.kl.estimate)
    return {on: fmean(values) for on, values in found.items()}


def _sentences(
    task: Measured, forgetting: Forgetting | None, rows: Sequence[MethodRow], alike: Matched
) -> tuple[str, ...]:
    """The answer: who gains most, who forgets least at that gain, and what was not shown."""
    metric, fewest = task.metric.name, min(len(row.seeds) for row in rows)
    by = {1: " with one seed", 2: " with two seeds"}.get(len(task.change[alike.best].seeds), "")
    said = [f"{alike.best} gained most{by}: {metric} {_told(metric, task.interval(alike.best))}."]
    if fewest < MIN_SEEDS:
        said.append(FEW_SEEDS[fewest])
    if forgetting is None:
        return (*said, "Forgetting is unknown: no ability was measured in every trial.")
    if alike.reach == 0.0:
        said.append("No gain was shown, so forgetting is not compared at matched gain.")
    elif len(alike.methods) == 1 and len(rows) > 1:
        reach = f"{score(metric, alike.reach)} {unit(metric)}"
        said.append(f"No other gain is within {reach} of it, so forgetting is not compared at matched gain.")
    elif len(rows) > 1:
        said.append(_at_matched_gain(forgetting, alike, task))
    beaten = [f"{row.method} (by {', '.join(row.dominated_by)})" for row in rows if row.dominated_by]
    if beaten:
        said.append(f"Significantly worse in gain and forgetting together: {', '.join(beaten)}.")
    if any(isinstance(row.gain, Interval) and too_few(row.gain) for row in rows):
        said.append("There are too few items for a verdict.")
    return tuple(said)


def _at_matched_gain(forgetting: Forgetting, alike: Matched, task: Measured) -> str:
    least = min(alike.methods, key=lambda method: forgetting.of(method)[1].mean)
    others = [method for method in alike.methods if method != least]
    level = sure_level(len(task.change))
    more = [method for method in others if forgetting.surely_more(method, least, level)[1]]
    unsure = [method for method in others if method not in more]
    told = negated(forgetting.interval(least))
    name = forgetting.of(least)[0]
    of = f"{forgetting.words}{f', {name}' if name and name not in forgetting.words else ''}"
    reach = f"{score(task.metric.name, alike.reach)} {unit(task.metric.name)}"
    sentence = (
        f"Where the gain came out within {reach} of the largest ({', '.join(alike.methods)}), {least} forgot least: "
        f"{of}, {_told(forgetting.metric, told)}"
    )
    if more:
        sentence += f"; significantly less than {', '.join(more)}"
    if unsure:
        sentence += f"; not distinguishable from {', '.join(unsure)} with these seeds and items"
    return f"{sentence}."


def _told(metric: str, found: MaybeInterval) -> str:
    if isinstance(found, Undefined):
        return f"by an unknown amount: {found.reason}"
    return f"{change(metric, found.estimate)} {unit(metric)} ({interval(metric, found)})"
