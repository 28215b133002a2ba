"""How many examples are enough: gain and forgetting by size, a curve through the gains, and what more would bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from keeptune.errors import ConfigError
from keeptune.experiments.trial_scores import FinishedTrial, Measured, ability_scores, task_scores
from keeptune.records import (
    Backtest,
    CurveAbility,
    CurvePoint,
    Fitted,
    Interval,
    MaybeInterval,
    Undefined,
)
from keeptune.report.phrases import change, is_loss, score, unit
from keeptune.statistics.jackknife import MIN_CLUSTERS
from keeptune.statistics.power_curve import MISFIT, CurveScores, PowerCurve, fit_power_curve, foretold
from keeptune.statistics.seeded import MIN_SEEDS

PLOTTED = 40
"""Places at which the fitted curve is recorded."""
POINTS = 100.0
"""The best score of a metric in points."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What the finished trials tell."""

    task: Measured
    points: tuple[CurvePoint, ...]
    fitted: tuple[Fitted, ...]
    misfit: float | None
    backtest: Backtest | Undefined
    more: int
    advice: MaybeInterval
    sentences: tuple[str, ...]
    notices: tuple[str, ...]


def check_sizes(sizes: Sequence[int], draws: int) -> None:
    """What can be a learning curve.

    Raises:
        ConfigError: sizes that do not rise, or are below 0, or fewer than two to train on; no draw.
    """
    written = ",".join(map(str, sizes))
    if any(size < 0 for size in sizes):
        raise ConfigError(f"--sizes {written} holds a size below 0", "0 is the base without training")
    if any(second <= first for first, second in pairwise(sizes)):
        raise ConfigError(f"--sizes {written} does not rise from one to the next", "write them in order, each once")
    if sum(size > 0 for size in sizes) < 2:
        raise ConfigError(
            f"--sizes {written or '(none)'} holds fewer than two sizes to train on, which is too few for a curve",
            "give four or more, as in --sizes 0,50,100,250,500",
        )
    if draws < 1:
        raise ConfigError(
            f"--draws is {draws}: nothing would be trained", "give 1 or more; 3 show how much draws differ"
        )


def method_of(size: int) -> str:
    """What a trial of this size is called."""
    return f"{size} rows"


def learn(trials: Sequence[FinishedTrial], sizes: Sequence[int], draws: int) -> Learned | Undefined:
    """Points, curve, backtest and advice from finished trials, whose methods are those of `method_of`.

    Args:
        sizes: all that were asked for, rising.
        draws: the draws of each.

    Raises:
        StoreError: records of a trial that cannot be read.
    """
    task = task_scores(trials)
    if isinstance(task, Undefined):
        return task
    abilities, left_out = ability_scores(trials)
    notices = [f"{name} is left out: {reason}" for name, reason in left_out.items()]
    trained = [size for size in sizes if method_of(size) in task.change]
    whole = [size for size in trained if len(task.change[method_of(size)].seeds) == draws]
    if len(whole) < sum(size > 0 for size in sizes):
        notices.append("sizes without all of their draws are shown, and left out of the curve")
    points = tuple(_point(size, task, abilities) for size in sizes if size == 0 or size in trained)
    more = (whole or trained)[-1] // 2
    curve, backtest, reason = _judged(task, whole)
    advice: MaybeInterval = Undefined(reason)
    fitted: tuple[Fitted, ...] = ()
    if isinstance(curve, PowerCurve) and not reason:
        end = whole[-1]
        places = np.geomspace(whole[0], end + more, PLOTTED)
        fitted = tuple(Fitted(float(n), curve.at(float(n))) for n in places)
        advice = _within_scale(curve.gain(end, end + more), task, method_of(end))
    return Learned(
        task=task,
        points=points,
        fitted=fitted,
        misfit=curve.misfit if isinstance(curve, PowerCurve) else None,
        backtest=backtest,
        more=more,
        advice=advice,
        sentences=(_advice(advice, more, task), _so_far(points[-1], task, abilities)),
        notices=tuple(notices),
    )


def _judged(task: Measured, sizes: Sequence[int]) -> tuple[PowerCurve | Undefined, Backtest | Undefined, str]:
    """(curve, backtest, why nothing may be told from them: "" where it may)."""
    if len(sizes) < 2:
        reason = "too few sizes finished with all of their draws"
        return Undefined(reason), Undefined(reason), reason
    found = _curve_scores(task, sizes)
    curve, told = fit_power_curve(found), foretold(found)
    if isinstance(curve, Undefined):
        return curve, curve, curve.reason
    if isinstance(told, Undefined):
        return curve, told, told.reason
    observed = float(found.scores[-1].mean())
    backtest = Backtest(sizes[-1], told, observed, told.low <= observed <= told.high)
    clusters = task.change[method_of(sizes[-1])].clusters
    if clusters < MIN_CLUSTERS:
        return curve, backtest, f"only {clusters} independent test items"
    if curve.misfit < MISFIT:
        return curve, backtest, "the sizes do not lie on a curve that levels off"
    if not backtest.holds:
        limits = f"{change(task.metric.name, told.low)} to {change(task.metric.name, told.high)}"
        was = change(task.metric.name, observed)
        return curve, backtest, f"the smaller sizes predicted a gain of {limits} with {sizes[-1]}, and it was {was}"
    return curve, backtest, ""


def _curve_scores(task: Measured, sizes: Sequence[int]) -> CurveScores:
    changes = [task.change[method_of(size)] for size in sizes]
    # [sizes, clusters]: what each cluster moves the mean over draws by.
    moves = np.array([next(iter(each.moves.values())).mean(axis=0) for each in changes])
    clusters = moves.shape[1]
    centred = moves - moves.mean(axis=1, keepdims=True)
    return CurveScores(
        sizes=np.array(sizes, dtype=np.float64),
        scores=np.array([each.values for each in changes]),
        item_covariance=(clusters - 1) / clusters * centred @ centred.T,
        step=0.0 if is_loss(task.metric.name) else POINTS / (clusters + 2),
    )


def _point(size: int, task: Measured, abilities: Sequence[Measured]) -> CurvePoint:
    if size == 0:
        return CurvePoint(0, 0, task.base, Undefined("the base itself"), ())
    method = method_of(size)
    return CurvePoint(
        size=size,
        draws=len(task.change[method].seeds),
        score=task.tuned[method],
        gain=task.interval(method),
        abilities=tuple(CurveAbility(a.name, a.metric.name, a.declared, a.interval(method)) for a in abilities),
    )


def _within_scale(gain: Interval, task: Measured, method: str) -> Interval:
    """No score in points goes above 100, nor below 0 where less is better."""
    if is_loss(task.metric.name):
        return gain
    tuned = task.tuned[method]
    room = POINTS - tuned if task.metric.higher_is_better else tuned
    return replace(gain, estimate=min(gain.estimate, room), low=min(gain.low, room), high=min(gain.high, room))


def _advice(advice: MaybeInterval, more: int, task: Measured) -> str:
    name = task.metric.name
    if isinstance(advice, Undefined):
        return f"What {more:,} more examples would bring is unknown: {advice.reason}."
    counted = f"{unit(name)} of {name}"
    if advice.low > 0:
        return f"{more:,} more examples would bring {score(name, advice.low)} to {score(name, advice.high)} {counted}."
    if advice.high <= 0:
        return f"{more:,} more examples would bring nothing: {_limits(name, advice)} {counted}."
    return f"{more:,} more examples would bring {score(name, advice.high)} {counted} at most, and perhaps nothing."


def _so_far(last: CurvePoint, task: Measured, abilities: Sequence[Measured]) -> str:
    name, found = task.metric.name, last.gain
    told = f"{change(name, found.estimate)} ({_limits(name, found)})" if isinstance(found, Interval) else found.reason
    sentence = f"With {last.size:,} examples the gain is {told}"
    if 0 < last.draws < MIN_SEEDS:
        draws = "One draw tells" if last.draws == 1 else "Two draws tell"
        return f"{sentence}. {draws} of these checkpoints only: take three or more, --draws 3."
    if not last.abilities:
        return f"{sentence}."
    # Every ability is looked at, so each by its share of the 5 % (Bonferroni).
    level = 1.0 - 0.05 / len(abilities)
    fallen = [a.name for a in abilities if a.change[method_of(last.size)].surely_above_zero(level)]
    surely = f"fell significantly: {', '.join(fallen)}" if fallen else "no ability fell significantly"
    return f"{sentence}; {surely}."


def _limits(metric: str, found: Interval) -> str:
    return f"{change(metric, found.low)} to {change(metric, found.high)}"
